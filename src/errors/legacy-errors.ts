import { messageOf } from './argument-errors.js';
import { HandoverError } from './handover-error.js';

/** Broadcasts come faster than the log stores them; this one was refused before any listener heard it. */
export class BacklogFull extends HandoverError {
  readonly code = 'backlog_full';
  readonly limit: number;

  constructor(limit: number) {
    super(
      `${limit} broadcasts wait to be recorded; no more are taken.`,
      'Check that the database is up, slow the publisher down with `await bus.settled()`, or raise `backlog`.',
    );
    this.limit = limit;
  }
}

/** A broadcast could not be recorded. Its inline listeners have run, those after the commit never do. `cause` says why. */
export class RecordingFailed extends HandoverError {
  readonly code = 'recording_failed';
  readonly eventName: string;

  constructor(eventName: string, cause: unknown) {
    super(
      `The broadcast "${eventName}" was not recorded: ${messageOf(cause)}`,
      'Mend the cause. Its inline listeners have run, unless a pair leaves the event to its handler: `store.append()` only puts the event on record, `store.publish()` also runs handlers and listeners that waited, and tells inline listeners of a mapped one again.',
      cause,
    );
    this.eventName = eventName;
  }
}

/** A listener failed where `broadcast()` had returned: it is an async function, or runs after the commit. `cause` is what it threw. */
export class ListenerFailed extends HandoverError {
  readonly code = 'listener_failed';
  readonly eventName: string;
  readonly listenerName: string;

  constructor(eventName: string, listenerName: string, cause: unknown) {
    super(
      `The listener ${listenerName} failed on "${eventName}" after broadcast() had returned: ${messageOf(cause)}`,
      'Catch the error inside the listener, or handle it in `bus.onError`.',
      cause,
    );
    this.eventName = eventName;
    this.listenerName = listenerName;
  }
}

/** The bus is connected with `unmapped: 'refuse'`, and this broadcast has no event. No listener heard it. */
export class UnmappedBroadcast extends HandoverError {
  readonly code = 'unmapped_broadcast';
  readonly eventName: string;

  constructor(eventName: string) {
    super(
      `The broadcast "${eventName}" maps to no event, and this bus refuses such broadcasts.`,
      "Add it to `events` of `bus.connect`, or connect with `unmapped: 'record'`.",
    );
    this.eventName = eventName;
  }
}
