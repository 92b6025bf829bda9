import { InvalidArgument } from '../errors/argument-errors.js';
import { EventNotFound } from '../errors/log-errors.js';
import { isEventClass, type EventClass } from '../events/define-event.js';
import type { EventOf } from '../delivery/handles.js';
import type { Event } from '../events/event.js';
import { earliestTime } from '../events/event-time.js';
import { checkEventId } from '../events/event-id.js';
import { checkEventName } from '../events/event-name.js';
import { checkStreamName } from '../events/stream-name.js';
import type { EventLog, ReadQuery, TimeBound } from '../log/event-log.js';
import { wholeLog } from '../log/whole-log.js';
import type { EventTypes } from './event-types.js';

const defaultBatchSize = 100;

/** Where a reader gets its events. */
export interface ReadSource {
  readonly log: EventLog;
  readonly types: EventTypes;
}

type TypeTarget = EventClass | string;

/**
 * A question to the log, built step by step; every step returns a new reader and leaves the old one as it was.
 *
 * Without `stream` it reads the global order. Nothing is read until an end is called: `for await`, `toArray`,
 * `first`, `last`, `count`, `batches`, `event`, `events`, `map`, `reduce`.
 */
export class Reader<E extends Event = Event> implements AsyncIterable<E> {
  readonly #source: ReadSource;
  readonly #query: ReadQuery;
  readonly #batchSize: number;

  constructor(source: ReadSource, query: ReadQuery = wholeLog, batchSize: number = defaultBatchSize) {
    this.#source = source;
    this.#query = query;
    this.#batchSize = batchSize;
  }

  stream(name: string): Reader<E> {
    return this.#with({ stream: checkStreamName(name) });
  }

  forward(): Reader<E> {
    return this.#with({ direction: 'forward' });
  }

  backward(): Reader<E> {
    return this.#with({ direction: 'backward' });
  }

  /** At most `count` events, counted after all filters; from 1. */
  limit(count: number): Reader<E> {
    return this.#with({ limit: checkCount('limit', count) });
  }

  /** Starts behind this event, seen in reading direction. An id that is not there fails when the reading starts. */
  from(eventId: string): Reader<E> {
    return this.#with({ after: checkEventId('from', eventId) });
  }

  /** Stops before this event, seen in reading direction. */
  to(eventId: string): Reader<E> {
    return this.#with({ before: checkEventId('to', eventId) });
  }

  /** Only these types, as stored. A later call replaces an earlier one; without any type nothing matches. */
  ofType<T extends readonly TypeTarget[]>(...types: T): Reader<EventOf<T[number]>>;
  ofType<T extends TypeTarget>(types: readonly T[]): Reader<EventOf<T>>;
  ofType(...types: readonly (TypeTarget | readonly TypeTarget[])[]): Reader {
    const names = types.flat().map((target) => this.#nameOf(target));
    return new Reader(this.#source, { ...this.#query, types: names }, this.#batchSize);
  }

  /** Only these ids, still in the order of the stream. Without any id nothing matches. */
  withId(...ids: readonly (string | readonly string[])[]): Reader<E> {
    return this.#with({ ids: ids.flat().map((id) => checkEventId('withId', id)) });
  }

  olderThan(at: Date): Reader<E> {
    return this.#with({ olderThan: bound('olderThan', at, 'exclusive') });
  }

  olderThanOrEqual(at: Date): Reader<E> {
    return this.#with({ olderThan: bound('olderThanOrEqual', at, 'inclusive') });
  }

  newerThan(at: Date): Reader<E> {
    return this.#with({ newerThan: bound('newerThan', at, 'exclusive') });
  }

  newerThanOrEqual(at: Date): Reader<E> {
    return this.#with({ newerThan: bound('newerThanOrEqual', at, 'inclusive') });
  }

  /** Both ends included. */
  between(start: Date, end: Date): Reader<E> {
    return this.newerThanOrEqual(start).olderThanOrEqual(end);
  }

  /** Sorted by `timestamp`; events of the same time stay in the order in which they were stored. */
  asAt(): Reader<E> {
    return this.#with({ order: 'timestamp' });
  }

  /** Sorted by `validAt`, which the time filters then compare too. */
  asOf(): Reader<E> {
    return this.#with({ order: 'validAt' });
  }

  /** How many events one round trip brings; default 100. */
  inBatches(size: number = defaultBatchSize): Reader<E> {
    return new Reader<E>(this.#source, this.#query, checkCount('inBatches', size));
  }

  /** Pulls one batch after the other; stopping early reads no further. */
  async *batches(): AsyncGenerator<readonly E[], void, undefined> {
    for await (const records of this.#source.log.read(this.#query, this.#batchSize)) {
      yield records.map((record) => this.#source.types.revive(record) as E);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    for await (const batch of this.batches()) yield* batch;
  }

  async toArray(): Promise<E[]> {
    const events: E[] = [];
    for await (const batch of this.batches()) events.push(...batch);
    return events;
  }

  async first(): Promise<E | undefined> {
    for await (const event of this.#with({ limit: 1 })) return event;
    return undefined;
  }

  /** The last one in reading direction, within `limit`. */
  async last(): Promise<E | undefined> {
    if (this.#query.limit === undefined) return this.#reversed().first();
    let last: E | undefined;
    for await (const event of this) last = event;
    return last;
  }

  count(): Promise<number> {
    return this.#source.log.count(this.#query);
  }

  /** The event with this id, if this reader would find it; `limit` does not count. */
  event(id: string): Promise<E | undefined> {
    return this.events([id]).first();
  }

  /** @throws {EventNotFound} */
  async requireEvent(id: string): Promise<E> {
    const event = await this.event(id);
    if (event === undefined) throw new EventNotFound(id, this.#query.stream);
    return event;
  }

  /** Those of the ids that this reader would find, in its order. */
  events(ids: readonly string[]): Reader<E> {
    for (const id of ids) checkEventId('event', id);
    const { ids: allowed } = this.#query;
    return this.withId(allowed === undefined ? ids : ids.filter((id) => allowed.includes(id)));
  }

  async map<T>(transform: (event: E) => T | Promise<T>): Promise<T[]> {
    checkFunction('map', transform);
    const results: T[] = [];
    for await (const event of this) results.push(await transform(event));
    return results;
  }

  async reduce<T>(step: (state: T, event: E) => T | Promise<T>, initial: T): Promise<T> {
    checkFunction('reduce', step);
    let state = initial;
    for await (const event of this) state = await step(state, event);
    return state;
  }

  #with(change: Partial<ReadQuery>): Reader<E> {
    return new Reader<E>(this.#source, { ...this.#query, ...change }, this.#batchSize);
  }

  #reversed(): Reader<E> {
    const { direction, after, before } = this.#query;
    return this.#with({
      direction: direction === 'forward' ? 'backward' : 'forward',
      after: before,
      before: after,
    });
  }

  #nameOf(target: TypeTarget): string {
    if (typeof target === 'string') return checkEventName(target);
    if (!isEventClass(target)) throw new InvalidArgument('ofType', 'event classes or event types', target);
    this.#source.types.learn(target);
    return target.type;
  }
}

function checkCount(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgument(name, 'a whole number from 1', value);
}

function bound(name: string, at: unknown, end: 'inclusive' | 'exclusive'): TimeBound {
  if (at instanceof Date && !Number.isNaN(at.getTime()))
    return { at: new Date(Math.max(at.getTime(), earliestTime)), inclusive: end === 'inclusive' };
  throw new InvalidArgument(name, 'a valid Date', at);
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new InvalidArgument(name, 'given a function', value);
}
