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
  /**
   * The same, for a broadcast that somebody wants to hear once it is committed. When it never is, `hear` is never
   * called.
   */
  recordFor(broadcast: Broadcast, hear: (event: Event | undefined) => void): Recorded;
}

export interface Recorded {
  readonly event: Event | undefined;
  /** False when there is nothing to wait for: nobody else will hear. */
  readonly waits: boolean;
}
