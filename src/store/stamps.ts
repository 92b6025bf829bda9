import type { Event } from '../events/event.js';
import type { Metadata } from '../events/metadata.js';

/** Gives metadata that an event keeps from its publication on. Called before it is checked; must not throw. */
export type Stamp = (event: Event, stream: string | undefined) => Metadata | undefined;

/** What others than the publisher want to be kept with events of a type. */
export class Stamps {
  readonly #byType = new Map<string, readonly Stamp[]>();

  /** @returns What takes the stamp away. */
  add(type: string, stamp: Stamp): () => void {
    this.#byType.set(type, [...(this.#byType.get(type) ?? []), stamp]);
    return () => {
      this.#byType.set(
        type,
        (this.#byType.get(type) ?? []).filter((each) => each !== stamp),
      );
    };
  }

  of(event: Event, stream: string | undefined): Metadata | undefined {
    const stamps = this.#byType.get(event.type);
    if (stamps === undefined || stamps.length === 0) return undefined;
    return Object.assign({}, ...stamps.map((stamp) => stamp(event, stream))) as Metadata;
  }
}
