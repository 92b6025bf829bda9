import { AsyncLocalStorage } from 'node:async_hooks';
import { types } from 'node:util';
import { describeValue, ListenerFailed } from '../src/index.js';
import type { Failures } from './failures.js';
import type { Delivery } from './registration.js';

/** Listeners that run when their publisher has gone on: what they throw is reported, and nobody but `settled` waits. */
export class Unattended {
  readonly #failures: Failures;
  readonly #running = new Set<Promise<unknown>>();
  /** Set within such listeners: they cannot wait for themselves. */
  readonly #inside = new AsyncLocalStorage<boolean>();

  constructor(failures: Failures) {
    this.#failures = failures;
  }

  /** The same delivery; it never throws. */
  surround(deliver: Delivery, eventName: string, listener: object): Delivery {
    return (publisher, args, event) => {
      try {
        this.#follow(this.#inside.run(true, () => deliver(publisher, args, event)));
      } catch (error) {
        this.#failures.report(new ListenerFailed(eventName, describeValue(listener), error));
      }
    };
  }

  /**
   * Waits for the promises of those that run.
   *
   * @returns False when there was nothing to wait for, as for one of them that asks.
   */
  async wait(): Promise<boolean> {
    if (this.#running.size === 0 || this.#inside.getStore() === true) return false;
    await Promise.all(this.#running);
    return true;
  }

  /** Its rejection is reported where it was called. */
  #follow(result: unknown): void {
    if (!types.isPromise(result)) return;
    const over: Promise<unknown> = result
      .then(undefined, () => undefined)
      .finally(() => this.#running.delete(over));
    this.#running.add(over);
  }
}
