import { madeKeyPattern, type Effect, type Event } from '../../src/index.js';
import { isTree } from './differences.js';
import type { Observation } from './observation.js';

const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/gi;
const dateTime = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?$/;

/** What both sides are given. */
export interface Given {
  readonly eventId: string;
  readonly values: unknown;
  readonly timestamp: Date | undefined;
}

export function givenBy({ id, data, metadata, stream, timestamp }: Event): Given {
  return { eventId: id, values: [id, data, metadata, stream], timestamp };
}

/**
 * Takes out of effects what two runs of one event never share: a time that the clock showed during the run becomes
 * `<now>`, or what says its form, such as `<now in ms>` for a number; an id that the run made becomes `<id 1>`, `<id 2>` … in the order of its first use, and a key that the database
 * made in the run `<table 1>`.
 *
 * Whatever else looks like a time or an id stays, for it may be the wrong one: also everything that the event itself
 * holds, and ids that the run may have read. Of a side whose ids are drawn in stock (`getRandomValues`), only UUIDs of
 * version 7 from the time of the run are known to be its own. A run that was not frozen and took place within the very
 * millisecond of the event's timestamp cannot be told to mean that rather than now.
 */
export function masking(
  { time, frozen, madeIds = [] }: Observation,
  given: Given,
): (effect: Effect) => Effect {
  const spans = [time, frozen].filter((span) => span !== undefined);
  const made = new Set(madeIds.map((id) => id.toLowerCase()));
  let known: Set<unknown> | undefined;
  /** Collected when first asked for: most runs make nothing that looks like a time or an id. */
  const isGiven = (value: unknown): boolean => {
    known ??= collected([given.values, ...(frozen === undefined ? [] : [given.timestamp])]);
    return known.has(value);
  };
  const numbers = new Map<string, Map<string, string>>();
  const isNow = (at: number) => spans.some(({ from, to }) => at >= from && at <= to);
  const numbered = (key: string, group: string): string => {
    const first = numbers.get(group) ?? new Map<string, string>();
    numbers.set(group, first);
    if (!first.has(key)) first.set(key, `<${group} ${first.size + 1}>`);
    return first.get(key) ?? key;
  };
  const nameOf = (id: string): string => {
    const key = id.toLowerCase();
    return !(made.has(key) || isNow(timeWithin(key))) || isGiven(key) ? id : numbered(key, 'id');
  };
  const mask = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const [, table] = madeKeyPattern.exec(value) ?? [];
      if (table !== undefined) return numbered(value, table);
      if (!dateTime.test(value)) return value.replaceAll(uuid, nameOf);
      return isNow(Date.parse(value)) && !isGiven(value.toLowerCase()) ? nowLike(value) : value;
    }
    if (typeof value === 'number') return isNow(value) && !isGiven(value) ? '<now in ms>' : value;
    if (Array.isArray(value)) return value.map(mask);
    if (!isTree(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mask(each)]));
  };
  return (effect) => mask(effect) as Effect;
}

/** A time in another form is another value: where no zone is told, for one, each reader takes its own. */
function nowLike(text: string): string {
  const [, , zone] = dateTime.exec(text) ?? [];
  if (zone === undefined) return '<now without zone>';
  return zone === 'Z' ? '<now>' : '<now with offset>';
}

/** Of a UUID of version 7, its milliseconds since 1970; else no time at all. */
function timeWithin(id: string): number {
  return id.charAt(14) === '7' ? Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) : Number.NaN;
}

/** Numbers, texts in small letters, and the UUIDs within texts. */
function collected(values: readonly unknown[]): Set<unknown> {
  const into = new Set<unknown>();
  collect(values, into);
  return into;
}

function collect(value: unknown, into: Set<unknown>): void {
  if (typeof value === 'string') {
    into.add(value.toLowerCase());
    for (const [id] of value.matchAll(uuid)) into.add(id.toLowerCase());
  } else if (typeof value === 'number') into.add(value);
  else if (value instanceof Date) into.add(value.toISOString().toLowerCase());
  else if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) collect(each, into);
  }
}
