import type { Event } from '../src/index.js';
import { nameOfListener } from './listener-name.js';

/** How often a listener has run for events that were then rolled back. */
export interface Phantom {
  /** Name of its class; of a function or block its own. */
  readonly listener: string;
  /** Of a block the event. */
  readonly method: string;
  readonly count: number;
}

interface Heard {
  readonly listener: object;
  readonly method: string;
}

/** Counts inline deliveries whose transaction rolled back: what they did stands, and nothing says why. */
export class Phantoms {
  readonly #heard = new WeakMap<Event, Heard[]>();
  readonly #counts = new Map<string, Phantom>();

  get counts(): readonly Phantom[] {
    return [...this.#counts.values()];
  }

  /** The event may still be rolled back. */
  watch(event: Event): void {
    this.#heard.set(event, []);
  }

  hear(event: Event, listener: object, method: string): void {
    this.#heard.get(event)?.push({ listener, method });
  }

  rolledBack(event: Event): void {
    for (const { listener, method } of this.#heard.get(event) ?? []) {
      const name = nameOfListener(listener);
      const key = `${name} ${method}`;
      this.#counts.set(key, { listener: name, method, count: (this.#counts.get(key)?.count ?? 0) + 1 });
    }
    this.#heard.delete(event);
  }
}
