import type { Event } from '../src/index.js';

/** One call of `broadcast()` whose name has been checked. */
export interface Broadcast {
  readonly publisher: object;
  /** With every `-` turned into `_`. */
  readonly eventName: string;
  /** The very values that the listeners get. */
  readonly args: readonly unknown[];
}

/** What a bus tells of each broadcast, once, before any listener hears it. */
export interface Recorder {
  /**
   * May throw: the publisher gets the error and no listener hears the broadcast.
   *
   * @returns The event that it is recorded as; `undefined` when it is not.
   */
  record(broadcast: Broadcast): Event | undefined;
}
