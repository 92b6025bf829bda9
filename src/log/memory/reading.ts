import { EventNotFound } from '../../errors/log-errors.js';
import type { EventRecord, ReadQuery, TimeBound } from '../event-log.js';
import { positionIn, type KeptEvent, type MemoryState } from './state.js';

/**
 * Walks through what the query asks for, one by one, up to what was there when it began.
 *
 * @throws {EventNotFound} With the first one.
 */
export function* select(state: MemoryState, query: ReadQuery): Generator<KeptEvent> {
  const wanted = filterOf(query);
  let left = query.limit ?? Infinity;
  for (const event of inOrder(state, query)) {
    if (left === 0) return;
    if (!wanted(event)) continue;
    left -= 1;
    yield event;
  }
}

export function* inBatches<T>(items: Iterable<T>, size: number): Generator<readonly T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

export function toRecord(state: MemoryState, event: KeptEvent): EventRecord {
  const { id, type, schemaVersion, home: stream, version } = event;
  return {
    id,
    type,
    schemaVersion,
    data: JSON.parse(event.data),
    metadata: JSON.parse(event.metadata),
    dates: event.dates === undefined ? undefined : JSON.parse(event.dates),
    stream,
    version,
    timestamp: new Date(event.timestamp),
    validAt: new Date(event.validAt),
    position: positionIn(state, event),
  };
}

/** Places from `after` to `before`, both left out, as indexes into the ids in append order. */
interface Span {
  readonly low: number;
  readonly high: number;
}

function inOrder(state: MemoryState, query: ReadQuery): Iterable<KeptEvent> {
  return query.order === 'append' ? asAppended(state, query) : sorted(state, query);
}

function asAppended(state: MemoryState, query: ReadQuery): Iterable<KeptEvent> {
  const ids = idsOf(state, query);
  const after = anchor(state, query, query.after);
  const before = anchor(state, query, query.before);
  const forward = query.direction === 'forward';
  const span: Span = forward
    ? { low: (after ?? -1) + 1, high: before ?? ids.length }
    : { low: (before ?? -1) + 1, high: after ?? ids.length };
  return eventsAt(state, ids, span, forward ? 1 : -1);
}

function* eventsAt(
  state: MemoryState,
  ids: readonly string[],
  span: Span,
  step: 1 | -1,
): Generator<KeptEvent> {
  for (let at = step === 1 ? span.low : span.high - 1; at >= span.low && at < span.high; at += step) {
    const event = state.events.get(ids[at] ?? '');
    if (event !== undefined) yield event;
  }
}

function sorted(state: MemoryState, query: ReadQuery): readonly KeptEvent[] {
  const time = query.order === 'validAt' ? 'validAt' : 'timestamp';
  const ids = idsOf(state, query);
  const stored = [...eventsAt(state, ids, { low: 0, high: ids.length }, 1)];
  const rising = stored.toSorted((a, b) => a[time] - b[time]);
  const events = query.direction === 'forward' ? rising : rising.toReversed();
  const after = anchor(state, query, query.after) === undefined ? undefined : query.after;
  const before = anchor(state, query, query.before) === undefined ? undefined : query.before;
  const start = after === undefined ? 0 : events.findIndex((event) => event.id === after) + 1;
  const end = before === undefined ? events.length : events.findIndex((event) => event.id === before);
  return events.slice(start, end);
}

function idsOf(state: MemoryState, { stream }: ReadQuery): readonly string[] {
  return stream === undefined ? state.order : (state.streams.get(stream)?.ids ?? []);
}

function anchor(state: MemoryState, { stream }: ReadQuery, id: string | undefined): number | undefined {
  if (id === undefined) return undefined;
  const place =
    stream === undefined ? state.events.get(id)?.ordinal : state.streams.get(stream)?.versions.get(id);
  if (place === undefined) throw new EventNotFound(id, stream);
  return place;
}

function filterOf(query: ReadQuery): (event: KeptEvent) => boolean {
  const types = query.types && new Set(query.types);
  const ids = query.ids && new Set(query.ids);
  const time = query.order === 'validAt' ? 'validAt' : 'timestamp';
  return (event) =>
    (types === undefined || types.has(event.type)) &&
    (ids === undefined || ids.has(event.id)) &&
    isNewer(event[time], query.newerThan) &&
    isOlder(event[time], query.olderThan);
}

function isNewer(time: number, bound: TimeBound | undefined): boolean {
  if (bound === undefined) return true;
  return time > bound.at.getTime() || (bound.inclusive && time === bound.at.getTime());
}

function isOlder(time: number, bound: TimeBound | undefined): boolean {
  if (bound === undefined) return true;
  return time < bound.at.getTime() || (bound.inclusive && time === bound.at.getTime());
}
