import type { ReadQuery, TimeBound } from '../../../src/index.js';
import { type Branch, branchesOf, endOf, type Horizon } from './branches.js';
import { eventColumns, type EventRow, milliseconds } from './event-row.js';
import { type Parameters, parameters } from './parameters.js';
import type { QuotedSchema } from './schema-name.js';

/** A place in the order of a read: behind it the next batch starts. */
export interface Mark {
  readonly place_text: string;
  /** Milliseconds since 1970 of the time that the read sorts by. */
  readonly instant_ms: number;
}

export interface FoundRow extends EventRow, Mark {
  /** The last place there was; `null` for none. */
  readonly end_text: string | null;
}

/** What a read is at. */
export interface Span {
  readonly after: Mark | undefined;
  readonly before: Mark | undefined;
  readonly end: string | undefined;
  readonly horizon: Horizon | undefined;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The next `size` events of a read, as {@link FoundRow}. */
export function selectBatch(schema: QuotedSchema, query: ReadQuery, span: Span, size: number): Statement {
  const bound = parameters();
  const limit = `limit ${bound.bind(size)}::int`;
  const order = `order by ${sortKeys(query, 'instant', 'place')}`;
  const text = /* sql */ `
select ${eventColumns(schema)}, place::text as place_text, ${milliseconds('instant')} as instant_ms,
  ${endOf(schema, query, bound)}::text as end_text
from (${unionOf(schema, query, span, bound, (branch) => `order by ${branchKeys(query, branch)} ${limit}`)}) as found
${order} ${limit}`;
  return { text, values: bound.values };
}

/** How many events a read gives: `{ events }`. */
export function countEvents(schema: QuotedSchema, query: ReadQuery, span: Span): Statement {
  const bound = parameters();
  const limit = query.limit === undefined ? '' : `limit ${bound.bind(query.limit)}::bigint`;
  const text = /* sql */ `
select count(*)::float8 as events
from (select from (${unionOf(schema, query, span, bound, () => limit)}) as found ${limit}) as counted`;
  return { text, values: bound.values };
}

/** Where the event `id` stands in the order of a read, whatever the filters say: {@link Mark}. */
export function selectMark(
  schema: QuotedSchema,
  query: ReadQuery,
  id: string,
  horizon: Horizon | undefined,
): Statement {
  const bound = parameters();
  const anywhere: ReadQuery = {
    ...query,
    ids: [id],
    types: undefined,
    newerThan: undefined,
    olderThan: undefined,
  };
  const span: Span = { after: undefined, before: undefined, end: undefined, horizon };
  const text = /* sql */ `
select place::text as place_text, ${milliseconds('instant')} as instant_ms
from (${unionOf(schema, anywhere, span, bound, () => '')}) as found`;
  return { text, values: bound.values };
}

function unionOf(
  schema: QuotedSchema,
  query: ReadQuery,
  span: Span,
  bound: Parameters,
  ending: (branch: Branch) => string,
): string {
  const bind = once(bound);
  const filters = [...idAndTimeFilters(query, bind), ...spanFilters(query, span, bind)];
  return branchesOf(schema, query, bound, span.end, span.horizon)
    .map((branch) => selectBranch(query, branch, filters, bind, ending(branch)))
    .join('\nunion all\n');
}

type Filter = (branch: Branch) => string;

function selectBranch(
  query: ReadQuery,
  branch: Branch,
  filters: readonly Filter[],
  bind: Parameters['bind'],
  ending: string,
): string {
  const types = query.types === undefined ? undefined : `${bind(query.types)}::text[]`;
  const perType = types !== undefined && branch.typeColumn !== undefined;
  const conditions = [
    ...branch.conditions,
    ...(perType ? [`${branch.typeColumn} = wanted.type`] : []),
    ...(types !== undefined && !perType ? [`events.type = any (${types})`] : []),
    ...filters.map((filter) => filter(branch)),
  ];
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
  const select = /* sql */ `
select events.*, ${branch.position} as position, ${branch.place}::bigint as place, ${timeOf(query)} as instant
from ${branch.from} ${where} ${ending}`;
  return perType
    ? `(select found.* from unnest(${types}) as wanted (type) cross join lateral (${select}) as found)`
    : `(${select})`;
}

function idAndTimeFilters(query: ReadQuery, bind: Parameters['bind']): Filter[] {
  const time = timeOf(query);
  const bounded = (bound: TimeBound | undefined, comparison: '<' | '>'): Filter[] =>
    bound === undefined
      ? []
      : [() => `${time} ${comparison}${bound.inclusive ? '=' : ''} ${instant(bind(bound.at.getTime()))}`];
  return [
    ...(query.ids === undefined ? [] : [() => `events.id = any (${bind(query.ids)}::text[])`]),
    ...bounded(query.newerThan, '>'),
    ...bounded(query.olderThan, '<'),
  ];
}

function spanFilters(query: ReadQuery, { after, before }: Span, bind: Parameters['bind']): Filter[] {
  const [behind, ahead] = query.direction === 'forward' ? (['>', '<'] as const) : (['<', '>'] as const);
  const beyond = (mark: Mark | undefined, comparison: '<' | '>'): Filter[] => {
    if (mark === undefined) return [];
    const place = () => `${bind(mark.place_text)}::bigint`;
    if (query.order === 'append') return [(branch) => `${branch.place} ${comparison} ${place()}`];
    const moment = () => instant(bind(mark.instant_ms));
    return [(branch) => `(${timeOf(query)}, ${branch.place}) ${comparison} (${moment()}, ${place()})`];
  };
  return [...beyond(after, behind), ...beyond(before, ahead)];
}

function timeOf({ order }: ReadQuery): string {
  return order === 'validAt' ? 'coalesce(events.valid_at, events.recorded_at)' : 'events.recorded_at';
}

function branchKeys(query: ReadQuery, branch: Branch): string {
  return sortKeys(query, timeOf(query), branch.place);
}

function sortKeys({ order, direction }: ReadQuery, time: string, place: string): string {
  const keys = order === 'append' ? [place] : [time, place];
  return keys.map((key) => (direction === 'forward' ? key : `${key} desc`)).join(', ');
}

/** Exact to the millisecond, as the columns are. */
function instant(parameter: string): string {
  return `to_timestamp(${parameter}::float8 / 1000)::timestamptz(3)`;
}

/** The branches share what they bind. */
function once({ bind }: Parameters): Parameters['bind'] {
  const placeholders = new Map<unknown, string>();
  return (value) => {
    const placeholder = placeholders.get(value) ?? bind(value);
    placeholders.set(value, placeholder);
    return placeholder;
  };
}
