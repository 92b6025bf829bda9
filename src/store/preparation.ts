import { describeValue, InvalidArgument } from '../errors/argument-errors.js';
import { HandlersTooDeep } from '../errors/handler-errors.js';
import { DuplicateEvent } from '../errors/log-errors.js';
import { InvalidPayload } from '../errors/event-errors.js';
import { PublishedInReplay } from '../errors/replay-errors.js';
import { checkEvent, type Event } from '../events/event.js';
import { checkEventName } from '../events/event-name.js';
import { isEventTime } from '../events/event-time.js';
import { requiredVersion } from '../events/expected-version.js';
import type { Metadata } from '../events/metadata.js';
import { checkStreamName } from '../events/stream-name.js';
import type { PublishOptions } from '../log/publish-options.js';
import type { Path } from '../mapping/path.js';
import { normalisePayload, type Payload } from '../mapping/payload.js';
import { isPlainObject } from '../mapping/plain-object.js';
import { validate } from '../mapping/schema.js';
import type { PayloadLimits } from '../mapping/payload-limits.js';
import { contextOf, type StoreContext } from './context.js';
import { checkPublishOptions } from './options.js';
import type { EventTypes } from './event-types.js';
import type { Stamps } from './stamps.js';
import { inPlace, unplaced, type PreparedEvent, type Publication } from './publication.js';

const deepest = 64;

export interface PreparationSettings {
  readonly limits: PayloadLimits;
  /** Stamps events that bring no timestamp; `undefined`: the log's own clock does. */
  readonly clock: (() => Date) | undefined;
  readonly newCorrelationId: () => string;
  /** Options of `publish` that the log adds. */
  readonly publishOptions: readonly string[] | undefined;
  readonly stamps: Stamps;
}

/** Turns events as publishers made them into what the log takes. All checks happen here, before any SQL. */
export class Preparation {
  readonly #store: object;
  readonly #types: EventTypes;
  readonly #settings: PreparationSettings;

  constructor(store: object, types: EventTypes, settings: PreparationSettings) {
    this.#store = store;
    this.#types = types;
    this.#settings = settings;
  }

  /**
   * @returns A promise only when a schema's validator is asynchronous.
   * @throws {InvalidEvent} {InvalidPayload} {PayloadTooLarge} {InvalidStreamName} {InvalidArgument} {DuplicateEvent}
   * {DuplicateEventType} {HandlersTooDeep} {PublishedInReplay}
   */
  prepare(events: unknown, options: PublishOptions): Publication | Promise<Publication> {
    const given: readonly unknown[] = Array.isArray(events) ? Array.from<unknown>(events) : [events];
    const checked = given.map((event) => checkEvent(event));
    checkPublishOptions(options, this.#settings.publishOptions);
    refuseTwice(checked);
    const context = contextOf(this.#store);
    const stream = options.stream === undefined ? undefined : checkStreamName(options.stream);
    const { expectedVersion = 'any', topic } = options;
    const expected = requiredVersion(expectedVersion, stream);
    if (topic !== undefined) checkEventName(topic);
    refuseInReplay(context, checked);
    refuseDepth(context, checked);
    const assembleAll = (prepared: readonly PreparedEvent[]): Publication => ({
      events: prepared.map((each) => each.event),
      append: { stream, expected, records: prepared.map((each) => each.record) },
      options,
      context,
      resume: inPlace,
    });
    const prepared = checked.map((event) => this.#prepareOne(event, stream, context));
    return prepared.some(isPromise)
      ? Promise.all(prepared.map(async (each) => each)).then(assembleAll)
      : assembleAll(prepared as PreparedEvent[]);
  }

  /** Like {@link prepare}, for `overwrite`: the event's own metadata as it is, no context. */
  prepareAsIs(event: unknown): PreparedEvent | Promise<PreparedEvent> {
    const checked = checkEvent(event);
    return this.#validated(checked, (data) =>
      this.#toPrepared(checked, data, givenMetadata(checked), undefined),
    );
  }

  #prepareOne(
    event: Event,
    stream: string | undefined,
    context: StoreContext,
  ): PreparedEvent | Promise<PreparedEvent> {
    const metadata = this.#enrich(event, stream, context);
    return this.#validated(event, (data) => this.#toPrepared(event, data, metadata, stream));
  }

  #validated<T>(event: Event, then: (data: unknown) => T): T | Promise<T> {
    const schema = this.#types.learnFrom(event)?.schema;
    if (schema === undefined) return then(event.data);
    const validated = validate(event.type, schema, event.data);
    return isPromise(validated) ? validated.then(then) : then(validated);
  }

  #enrich(event: Event, stream: string | undefined, context: StoreContext): Metadata {
    const stamped = this.#settings.stamps.of(event, stream);
    const metadata: Record<string, unknown> = { ...context.metadata, ...givenMetadata(event), ...stamped };
    metadata['correlationId'] ??= this.#settings.newCorrelationId();
    checkIds(event.type, metadata);
    return metadata;
  }

  #now(): Date | undefined {
    const now: unknown = this.#settings.clock?.();
    if (now === undefined) return undefined;
    if (isEventTime(now)) return copyDate(now);
    throw new InvalidArgument('clock', 'a function that returns a valid Date', now);
  }

  #toPrepared(event: Event, data: unknown, metadata: Metadata, stream: string | undefined): PreparedEvent {
    const { timestamp: statedTimestamp, validAt: statedValidAt, ...kept } = metadata;
    const timestamp =
      copyDate(event.timestamp) ?? statedDate(event, 'timestamp', statedTimestamp) ?? this.#now();
    const validAt = copyDate(event.validAt) ?? statedDate(event, 'validAt', statedValidAt);
    const body = normalisePayload(event.type, data, '$', this.#settings.limits);
    const about = normalisePayload(event.type, kept, 'metadata', this.#settings.limits);
    const eventClass = this.#types.classOf(event.type);
    return {
      record: {
        id: event.id,
        type: event.type,
        schemaVersion: eventClass?.schemaVersion ?? 1,
        data: body.json,
        metadata: about.json,
        dates: datePaths(body, about),
        timestamp,
        validAt,
      },
      event: unplaced(eventClass, {
        id: event.id,
        type: event.type,
        data: body.data,
        metadata: about.data as Metadata,
        timestamp: copyDate(timestamp),
        validAt: copyDate(validAt),
        stream,
      }),
    };
  }
}

function datePaths(data: Payload, metadata: Payload): string | undefined {
  if (data.dates.length === 0 && metadata.dates.length === 0) return undefined;
  const paths: { data: readonly Path[]; metadata: readonly Path[] } = {
    data: data.dates,
    metadata: metadata.dates,
  };
  return JSON.stringify(paths);
}

function refuseTwice(events: readonly Event[]): void {
  if (events.length < 2) return;
  const seen = new Set<string>();
  for (const { id } of events) {
    if (seen.has(id)) throw new DuplicateEvent(id);
    seen.add(id);
  }
}

function refuseInReplay({ replaying }: StoreContext, [first]: readonly Event[]): void {
  if (replaying !== undefined && first !== undefined) throw new PublishedInReplay(replaying, first.type);
}

function refuseDepth(context: StoreContext, events: readonly Event[]): void {
  const [first] = events;
  if (first !== undefined && context.chain.length >= deepest)
    throw new HandlersTooDeep([...context.chain, first.type]);
}

function checkIds(eventType: string, metadata: Record<string, unknown>): void {
  for (const key of ['correlationId', 'causationId']) {
    const id = metadata[key];
    if (id === undefined || typeof id === 'string') continue;
    throw new InvalidPayload(
      eventType,
      `metadata.${key}`,
      'something other than a string',
      'Pass the id as a string.',
    );
  }
}

function givenMetadata({ type, metadata }: Event): Metadata {
  if (!isPlainObject(metadata)) {
    throw new InvalidPayload(type, 'metadata', describeValue(metadata), 'Pass metadata as a plain object.');
  }
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
}

function copyDate(date: Date | undefined): Date | undefined {
  return date && new Date(date);
}

/** `withMetadata` may set these two; they are facts of the event, not keys of its metadata. */
function statedDate({ type }: Event, key: 'timestamp' | 'validAt', value: unknown): Date | undefined {
  if (value === undefined) return undefined;
  if (isEventTime(value)) return copyDate(value);
  throw new InvalidPayload(
    type,
    `metadata.${key}`,
    'something other than a valid Date',
    'Pass a Date, or use another key.',
  );
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise;
}
