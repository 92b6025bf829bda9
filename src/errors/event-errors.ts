import { describeValue } from './argument-errors.js';
import { HandoverError } from './handover-error.js';

/** Something that is no event was given where an event is wanted. Nothing was written. */
export class InvalidEvent extends HandoverError {
  readonly code = 'invalid_event';
  readonly received: unknown;

  constructor(received: unknown, problem = `${describeValue(received)} is not an event`) {
    super(
      `Cannot record this: ${problem}.`,
      'Make a class with `class OrderPlaced extends defineEvent<{ … }>("OrderPlaced") {}` and pass `new OrderPlaced({ … })`.',
    );
    this.received = received;
  }
}

/** Data or metadata holds a value that JSON or PostgreSQL would lose, alter or refuse. Nothing was written. */
export class InvalidPayload extends HandoverError {
  readonly code = 'invalid_payload';
  readonly eventType: string;
  /** Where the value is: `$.items[3].price` within data, `metadata.user` within metadata. */
  readonly path: string;
  readonly reason: string;

  constructor(eventType: string, path: string, reason: string, remedy: string, cause?: unknown) {
    super(`${eventType} cannot be stored: ${reason} at ${path}.`, remedy, cause);
    this.eventType = eventType;
    this.path = path;
    this.reason = reason;
  }
}

/** One event's data and metadata are larger than the store takes. Nothing was written. */
export class PayloadTooLarge extends HandoverError {
  readonly code = 'payload_too_large';
  readonly eventType: string;
  /** Bytes of UTF-8. */
  readonly size: number;
  /** Bytes of UTF-8. */
  readonly limit: number;

  constructor(eventType: string, size: number, limit: number) {
    super(
      `${eventType} takes ${size} bytes as JSON; the limit is ${limit}.`,
      'Store the large part elsewhere and put its key into the event, or raise `maxPayloadBytes` (16 MiB at most).',
    );
    this.eventType = eventType;
    this.size = size;
    this.limit = limit;
  }
}

/** Two classes claim one event type within one store. */
export class DuplicateEventType extends HandoverError {
  readonly code = 'duplicate_event_type';
  readonly eventType: string;

  constructor(eventType: string) {
    super(
      `Two classes of this store have the event type "${eventType}".`,
      'Import the one class everywhere, or give the other one a type of its own.',
    );
    this.eventType = eventType;
  }
}

/** A stored event cannot be brought to the shape its class wants today. */
export class UpcastFailed extends HandoverError {
  readonly code = 'upcast_failed';
  readonly eventType: string;
  readonly eventId: string;
  readonly storedVersion: number;

  constructor(eventType: string, eventId: string, storedVersion: number, problem: string, cause?: unknown) {
    super(
      `${eventType} ${eventId} was stored with schema version ${storedVersion}: ${problem}.`,
      'Add the missing step to `upcast` of `defineEvent`, or deploy the code that knows this version.',
      cause,
    );
    this.eventType = eventType;
    this.eventId = eventId;
    this.storedVersion = storedVersion;
  }
}
