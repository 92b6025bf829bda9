import { HandoverError } from './handover-error.js';

/** The stream is not where `expectedVersion` says. Nothing was written; an open transaction stays healthy. */
export class WrongExpectedVersion extends HandoverError {
  readonly code = 'wrong_expected_version';
  readonly stream: string;
  readonly expected: number | 'none';
  /** Version of the last event of the stream; `-1` when it has none. */
  readonly actual: number;

  constructor(stream: string, expected: number | 'none', actual: number) {
    super(
      `Stream "${stream}" is at version ${actual}, but this write expected ${expected}.`,
      'Another writer was there first. Read the stream again, decide again, and retry.',
    );
    this.stream = stream;
    this.expected = expected;
    this.actual = actual;
  }
}

/** An event with this id is stored already, or linked to this stream already. Nothing was written. */
export class DuplicateEvent extends HandoverError {
  readonly code = 'duplicate_event';
  readonly eventId: string;
  readonly stream: string | undefined;

  constructor(eventId: string, stream?: string) {
    super(
      stream === undefined
        ? `Event ${eventId} is stored already.`
        : `Event ${eventId} is in stream "${stream}" already.`,
      'When you retry a write whose outcome was unknown, this means that it had succeeded. Else give the event an id of its own.',
    );
    this.eventId = eventId;
    this.stream = stream;
  }
}

/** No such event, or not in the stream that was asked for. */
export class EventNotFound extends HandoverError {
  readonly code = 'event_not_found';
  readonly eventId: string;
  readonly stream: string | undefined;

  constructor(eventId: string, stream?: string) {
    super(
      stream === undefined
        ? `Event ${eventId} is not stored.`
        : `Event ${eventId} is not in stream "${stream}".`,
      'Check the id, and that the transaction which recorded the event has committed.',
    );
    this.eventId = eventId;
    this.stream = stream;
  }
}

/** The database was migrated by another version of the library, or not at all. */
export class SchemaOutdated extends HandoverError {
  readonly code = 'schema_outdated';
  readonly schema: string;
  /** `undefined` when there is no schema yet. */
  readonly found: number | undefined;
  readonly wanted: number;

  constructor(schema: string, found: number | undefined, wanted: number) {
    super(
      found === undefined
        ? `The schema "${schema}" holds no event log yet.`
        : `The schema "${schema}" is at version ${found}; this code wants ${wanted}.`,
      found !== undefined && found > wanted
        ? 'Newer code migrated this database. Deploy that code here too.'
        : 'Call `await store.migrate()` once, before the application starts.',
    );
    this.schema = schema;
    this.found = found;
    this.wanted = wanted;
  }
}

/** The connection was lost while the database committed: the events may be stored, or not. */
export class UnknownCommitOutcome extends HandoverError {
  readonly code = 'unknown_commit_outcome';
  readonly eventIds: readonly string[];

  constructor(eventIds: readonly string[], cause?: unknown) {
    super(
      `The connection was lost during COMMIT; nobody knows whether ${eventIds.length} event(s) were stored.`,
      'Ask `store.read.event(id)`, or publish the same event objects again: a `DuplicateEvent` then means they were stored.',
      cause,
    );
    this.eventIds = eventIds;
  }
}

/** The log's database cannot be reached, or closed the connection before anything was committed. */
export class LogUnavailable extends HandoverError {
  readonly code = 'log_unavailable';

  constructor(cause: unknown) {
    super(
      'The event log cannot reach its database. Nothing was written.',
      'Check that the server runs, then retry.',
      cause,
    );
  }
}

/** A reader asks for history that a retention policy has purged. */
export class HistoryPurged extends HandoverError {
  readonly code = 'history_purged';
  readonly from: bigint;
  readonly to: bigint;

  constructor(from: bigint, to: bigint) {
    super(
      `Positions ${from} to ${to} were purged.`,
      `Start after position ${to}, or rebuild from a snapshot that is younger.`,
    );
    this.from = from;
    this.to = to;
  }
}

/** A transaction collected more events than one transaction may hold. */
export class TransactionTooLarge extends HandoverError {
  readonly code = 'transaction_too_large';
  readonly limit: number;

  constructor(limit: number) {
    super(
      `This transaction has recorded ${limit} events, which is the limit.`,
      'Commit in smaller steps, or raise `maxEventsPerTransaction`.',
    );
    this.limit = limit;
  }
}

/** The entity manager given is not the one whose transaction is open here. */
export class TransactionMismatch extends HandoverError {
  readonly code = 'transaction_mismatch';

  constructor(problem: string) {
    super(
      problem,
      'Use the entity manager that the transaction callback received, or leave `em` out to join the open transaction.',
    );
  }
}
