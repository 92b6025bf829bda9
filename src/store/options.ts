import { InvalidArgument } from '../errors/argument-errors.js';
import type { EventClass } from '../events/define-event.js';
import type { EventLog } from '../log/event-log.js';
import { defaultLimits, largestPayload, type PayloadLimits } from '../mapping/payload-limits.js';

export interface EventStoreOptions {
  /** Where events live. Default: memory of this process, for tests and first steps. */
  readonly log?: EventLog | undefined;
  /** Event classes to read stored events as, beside those that are subscribed or published. */
  readonly events?: readonly EventClass[] | undefined;
  /** Bytes of JSON that one event's data may take; default 1 MiB, 16 MiB at most. */
  readonly maxPayloadBytes?: number | undefined;
  /** Stamps events that bring no timestamp. Default: the clock of the log, which is the database's. */
  readonly clock?: (() => Date) | undefined;
  /** Default: UUIDv7. */
  readonly correlationIdGenerator?: (() => string) | undefined;
}

export function limitsFrom({ maxPayloadBytes = defaultLimits.maxBytes }: EventStoreOptions): PayloadLimits {
  if (Number.isSafeInteger(maxPayloadBytes) && maxPayloadBytes >= 1 && maxPayloadBytes <= largestPayload) {
    return { ...defaultLimits, maxBytes: maxPayloadBytes };
  }
  throw new InvalidArgument('maxPayloadBytes', `a whole number from 1 to ${largestPayload}`, maxPayloadBytes);
}

/** A stream's name in place of `{ stream }` would be passed over in silence. @throws {InvalidArgument} */
export function checkOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new InvalidArgument('options', 'an object', options, "Write `{ stream: 'Order-42' }`.");
}
