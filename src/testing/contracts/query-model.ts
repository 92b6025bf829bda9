import type { NewRecord, ReadQuery, TimeBound } from '../../log/event-log.js';
import { queryOf } from './log-actions.js';
import type { Random } from './seeded-random.js';

/** What a log should hold, in plain arrays. Every record has a timestamp and a validAt. */
export interface Model {
  readonly global: NewRecord[];
  readonly streams: Record<string, NewRecord[]>;
}

/** What a read must give: sort, reverse, cut, filter, limit, in this order. */
export function expectedIds(model: Model, query: ReadQuery): string[] {
  const stored = query.stream === undefined ? model.global : (model.streams[query.stream] ?? []);
  const sorted =
    query.order === 'append' ? stored : stored.toSorted((a, b) => timeOf(a, query) - timeOf(b, query));
  const directed = query.direction === 'forward' ? sorted : sorted.toReversed();
  const ids = directed.map((record) => record.id);
  const start = query.after === undefined ? 0 : ids.indexOf(query.after) + 1;
  const end = query.before === undefined ? ids.length : ids.indexOf(query.before);
  const kept = directed.filter((record, nth) => nth >= start && nth < end && passes(record, query));
  return kept.slice(0, query.limit).map((record) => record.id);
}

export function generateQuery(model: Model, random: Random): ReadQuery {
  const stream = random.pick(['x', 'y', 'z', undefined, undefined]);
  const records = stream === undefined ? model.global : (model.streams[stream] ?? []);
  const sometimes = <T>(make: () => T): T | undefined => (random.below(3) === 0 ? make() : undefined);
  const several = <T>(items: readonly T[]): T[] => items.filter(() => random.below(2) === 0);
  return queryOf({
    stream,
    direction: random.pick(['forward', 'backward']),
    order: random.pick(['append', 'append', 'timestamp', 'validAt']),
    types: sometimes(() => several(['A', 'B', 'C', 'Unheard'])),
    ids: sometimes(() => several(model.global).map((record) => record.id)),
    after: sometimes(() => random.pick(records).id),
    before: sometimes(() => random.pick(records).id),
    newerThan: sometimes(() => generateBound(model, random)),
    olderThan: sometimes(() => generateBound(model, random)),
    limit: sometimes(() => 1 + random.below(15)),
  });
}

function generateBound(model: Model, random: Random): TimeBound {
  const record = random.pick(model.global);
  return {
    at: random.pick([record.timestamp, record.validAt]) ?? new Date(0),
    inclusive: random.below(2) === 0,
  };
}

function passes(record: NewRecord, { types, ids, newerThan, olderThan, ...query }: ReadQuery): boolean {
  const time = timeOf(record, query);
  const checks = [
    types === undefined || types.includes(record.type),
    ids === undefined || ids.includes(record.id),
    newerThan === undefined || time > newerThan.at.getTime() || isAt(time, newerThan),
    olderThan === undefined || time < olderThan.at.getTime() || isAt(time, olderThan),
  ];
  return checks.every(Boolean);
}

function isAt(time: number, bound: TimeBound): boolean {
  return bound.inclusive && time === bound.at.getTime();
}

function timeOf(record: NewRecord, { order }: Pick<ReadQuery, 'order'>): number {
  return (order === 'validAt' ? record.validAt : record.timestamp)?.getTime() ?? NaN;
}
