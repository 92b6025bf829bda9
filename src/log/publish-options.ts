import type { ExpectedVersion } from '../events/expected-version.js';

/** Options of `publish` and `append`. Adapters declare handles of their own here, such as `em`. */
export interface PublishOptions {
  /** Home stream of the events; without one they stand in the global order alone. */
  readonly stream?: string | undefined;
  /** Default `'any'`. */
  readonly expectedVersion?: ExpectedVersion | undefined;
  /** Looks up subscribers under this name instead of the event type. Not stored. */
  readonly topic?: string | undefined;
}
