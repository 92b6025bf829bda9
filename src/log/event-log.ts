import type { RequiredVersion } from '../events/expected-version.js';
import type { WrongExpectedVersion, DuplicateEvent } from '../errors/log-errors.js';
import type { DeliveryLog } from '../delivery/delivery-log.js';
import type { EffectWitness } from '../effects/effect-witness.js';
import type { Transactions } from './transactions.js';

/** An event on its way into the log: checked, with its JSON made. */
export interface NewRecord {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** JSON text. */
  readonly data: string;
  /** JSON text of an object. */
  readonly metadata: string;
  /** JSON text naming where data and metadata hold dates; `undefined` where they hold none. */
  readonly dates: string | undefined;
  /** The log's clock unless given. */
  readonly timestamp: Date | undefined;
  /** `timestamp` unless given. */
  readonly validAt: Date | undefined;
}

/** An event as the log keeps it. */
export interface EventRecord {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** Parsed JSON, fresh for each read: the reader may change it. */
  readonly data: unknown;
  readonly metadata: Record<string, unknown>;
  readonly dates: unknown;
  /** Home stream, also when the event was read through a link; `undefined` without one, or once it was deleted. */
  readonly stream: string | undefined;
  /** Place in the home stream. */
  readonly version: number | undefined;
  readonly timestamp: Date;
  readonly validAt: Date;
  /** `undefined` until sequenced; a global read outside transactions sequences first. */
  readonly position: bigint | undefined;
}

/** Events to be written together, to one stream or to none. */
export interface Append {
  readonly stream: string | undefined;
  readonly expected: RequiredVersion;
  readonly records: readonly NewRecord[];
}

/** Where an append came to stand. */
export interface Stored {
  /** Version of its first record; the others follow without gaps. `undefined` without a stream or without records. */
  readonly firstVersion: number | undefined;
  /** The log's clock, milliseconds exact: the timestamp of each record that brought none. */
  readonly timestamp: Date;
}

export type AppendFailure = WrongExpectedVersion | DuplicateEvent;
export type AppendOutcome = { readonly stored: Stored } | { readonly failure: AppendFailure };

export interface Link {
  readonly stream: string;
  readonly expected: RequiredVersion;
  readonly eventIds: readonly string[];
}

export interface TimeBound {
  readonly at: Date;
  readonly inclusive: boolean;
}

/**
 * What to read. Filters combine; `limit` counts after all of them.
 *
 * `backward` is the exact reverse of `forward`, ties included. Where events that an open transaction has recorded
 * have no position yet, they stand behind all others in the global order, as recorded.
 */
export interface ReadQuery {
  /** `undefined`: the global order. */
  readonly stream: string | undefined;
  readonly direction: 'forward' | 'backward';
  /** `append`: as stored. The other two sort by time, ties as stored. */
  readonly order: 'append' | 'timestamp' | 'validAt';
  /** `undefined`: all types; empty: none. */
  readonly types: readonly string[] | undefined;
  /** `undefined`: all ids; empty: none. */
  readonly ids: readonly string[] | undefined;
  /** Starts behind this event, seen in reading direction and in `order`. It need not pass the other filters. */
  readonly after: string | undefined;
  /** Stops before this event, likewise. Nothing is read when it stands at `after` or ahead of it. */
  readonly before: string | undefined;
  /** Compares `validAt` when `order` says so, else `timestamp`. */
  readonly newerThan: TimeBound | undefined;
  readonly olderThan: TimeBound | undefined;
  readonly limit: number | undefined;
}

/**
 * Where events live. An implementation is right when it passes `eventLogContract`.
 *
 * Inside an open transaction every method works within it: reads see what it has recorded, writes vanish with it.
 */
export interface EventLog {
  /** Shown in messages and test reports. */
  readonly name: string;

  /** Options of its own that `publish` and `append` take, such as `em`. */
  readonly publishOptions?: readonly string[] | undefined;

  /** The transactions this log can join; `undefined` where it has none. */
  readonly transactions: Transactions | undefined;

  /** Sees what a run leaves behind; `undefined` where the log's library keeps no changes back. */
  readonly witness?: EffectWitness | undefined;

  /** Queued deliveries; `undefined` where the log keeps none. */
  readonly deliveries?: DeliveryLog | undefined;

  /**
   * False while what it is kept in is closed, such as a pool of the application's: then nothing is done in the
   * background, which would open it again. Default: always open.
   */
  readonly isOpen?: (() => boolean) | undefined;

  /** Creates or upgrades the schema. Idempotent, and safe from many processes at once. */
  migrate(): Promise<void>;

  /**
   * Writes each append wholly or not at all, in the order given, and answers each on its own: one append's conflict
   * does not touch the others. The whole call commits at once (outside a transaction).
   *
   * Each append sees what the ones before it in the call have written. An id that is stored already, or twice in the
   * append, fails with `DuplicateEvent` naming the first such id; this goes before `WrongExpectedVersion`, so that a
   * writer who repeats a write of unknown outcome learns that it had succeeded. An expected `-1` is reported as
   * `'none'`. An append without records writes nothing, creates no stream and is not checked.
   *
   * @throws {SchemaOutdated} {LogUnavailable} {UnknownCommitOutcome}
   */
  append(appends: readonly Append[]): Promise<readonly AppendOutcome[]>;

  /**
   * Adds stored events to a further stream, all or none, in the order given. Their home, position and timestamps stay.
   * Versions and `expected` count links and own events alike. Without ids it does nothing.
   *
   * @throws {EventNotFound} {DuplicateEvent} {WrongExpectedVersion} The first of these three that applies, with
   * nothing written and an open transaction healthy. An event in its home stream, or twice in the link, is a duplicate.
   */
  link(link: Link): Promise<void>;

  /**
   * Takes every event out of `stream`; the events stay stored, in the global order and in further streams. Those at
   * home there have no home then. The stream starts from version 0 again. An unknown stream is no error.
   */
  deleteStream(stream: string): Promise<void>;

  /**
   * Replaces type, schema version, data, metadata, dates and, where given, `validAt` of stored events, all or none.
   * Timestamp, streams and position stay. Of two records with one id the later counts.
   *
   * @throws {EventNotFound}
   */
  overwrite(records: readonly NewRecord[]): Promise<void>;

  /**
   * Reads batches of up to `batchSize`, pulled one by one: none is empty, and all but the last are full. Without a
   * stream it first sequences what is committed, so that a reader finds its own writes; positions rise and are never
   * filled in later (hazards H1). The iterator may be left early. An unknown stream reads as empty.
   *
   * @throws {EventNotFound} With the first batch: `after` or `before` is not stored, or not in that stream.
   */
  read(query: ReadQuery, batchSize: number): AsyncIterable<readonly EventRecord[]>;

  /** How many events `read` would give. @throws {EventNotFound} as `read` does. */
  count(query: ReadQuery): Promise<number>;

  /** Streams that hold the event, its home first, then in the order it was linked. Unknown or streamless id: none. */
  streamsOf(eventId: string): Promise<readonly string[]>;

  /** Place of the event in `stream`; `undefined` when it is not there. */
  versionIn(stream: string, eventId: string): Promise<number | undefined>;

  /**
   * Place of the event in the global order, sequenced first; `undefined` when it is not stored, or when the open
   * transaction has recorded it.
   */
  positionOf(eventId: string): Promise<bigint | undefined>;

  /** Names of streams with events that begin with `prefix`, literally, ascending by code point. Case matters. */
  searchStreams(prefix: string, limit: number): Promise<readonly string[]>;

  /** Releases what the log itself opened. Idempotent. */
  close(): Promise<void>;
}
