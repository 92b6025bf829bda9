import { InvalidArgument } from '../errors/argument-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import type { Scheduler } from '../delivery/scheduler.js';
import type { EventClass } from '../events/define-event.js';
import type { EventLog } from '../log/event-log.js';
import { defaultLimits, largestPayload, type PayloadLimits } from '../mapping/payload-limits.js';

export interface EventStoreOptions {
  /** Where events live. Default: memory of this process, for tests and first steps. */
  readonly log?: EventLog | undefined;
  /** What spreads deliveries over processes. Default: each worker takes its own from the log. */
  readonly scheduler?: Scheduler | undefined;
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

const storeOptions = ['log', 'scheduler', 'events', 'maxPayloadBytes', 'clock', 'correlationIdGenerator'];

/** @throws {InvalidArgument} */
export function checkStoreOptions(options: unknown): void {
  checkKnownOptions(options, storeOptions, '`new EventStore({ log })`');
  const { log, scheduler, events, clock, correlationIdGenerator } = options as Record<string, unknown>;
  if (log !== undefined && !isLog(log)) {
    throw new InvalidArgument(
      'log',
      'an event log',
      log,
      'Write `log: mikroOrmLog(orm)` or `log: memoryLog()`.',
    );
  }
  if (scheduler !== undefined && !isScheduler(scheduler)) {
    throw new InvalidArgument(
      'scheduler',
      'a scheduler',
      scheduler,
      'Write `scheduler: bullmqScheduler({ connection })`, or leave it out.',
    );
  }
  if (events !== undefined && !Array.isArray(events)) {
    throw new InvalidArgument('events', 'a list of event classes', events);
  }
  for (const [name, value] of Object.entries({ clock, correlationIdGenerator })) {
    if (value !== undefined && typeof value !== 'function')
      throw new InvalidArgument(name, 'a function', value);
  }
}

function isLog(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['append', 'read', 'migrate'].every((name) => typeof Reflect.get(value, name) === 'function')
  );
}

function isScheduler(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'name') === 'string' &&
    typeof Reflect.get(value, 'start') === 'function'
  );
}

const linkOptions = ['stream', 'expectedVersion'];
const publishOptions = [...linkOptions, 'topic'];
const streamExample = "`{ stream: 'Order-42' }`";

/** @param own Options of the log. @throws {InvalidArgument} */
export function checkPublishOptions(options: unknown, own: readonly string[] = []): void {
  checkKnownOptions(options, [...publishOptions, ...own], streamExample);
}

/** @throws {InvalidArgument} */
export function checkLinkOptions(options: unknown): void {
  checkKnownOptions(options, linkOptions, streamExample);
}
