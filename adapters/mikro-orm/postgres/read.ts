import { EventNotFound } from '../../../src/index.js';
import type { EventRecord, ReadQuery } from '../../../src/index.js';
import type { Horizon } from './branches.js';
import type { Database } from './database.js';
import { toRecord } from './event-row.js';
import { isStorable } from './parameters.js';
import {
  countEvents,
  type FoundRow,
  type Mark,
  selectBatch,
  selectMark,
  type Span,
} from './select-events.js';
import { sequence } from './sequence.js';

/**
 * Gives what was there when the reader began, batch by batch.
 *
 * @throws {EventNotFound} With the first batch.
 */
export async function* read(
  database: Database,
  query: ReadQuery,
  size: number,
): AsyncGenerator<readonly EventRecord[]> {
  let span = await begin(database, query);
  let left = matchesNothing(query) ? 0 : (query.limit ?? Infinity);
  while (left > 0) {
    const wanted = Math.min(size, left);
    const { text, values } = selectBatch(database.schema, storable(query), span, wanted);
    const rows = await database.query<FoundRow>(text, values);
    const last = rows.at(-1);
    if (last === undefined) return;
    span = { ...span, after: last, end: span.end ?? last.end_text ?? undefined };
    left -= rows.length;
    yield rows.map(toRecord);
    if (rows.length < wanted) return;
  }
}

/** @throws {EventNotFound} */
export async function count(database: Database, query: ReadQuery): Promise<number> {
  const span = await begin(database, query);
  if (matchesNothing(query)) return 0;
  const { text, values } = countEvents(database.schema, storable(query), span);
  const [row] = await database.query<{ events: number }>(text, values);
  return row?.events ?? 0;
}

async function begin(database: Database, query: ReadQuery): Promise<Span> {
  await database.settle();
  const horizon = query.stream === undefined ? await lookAround(database) : undefined;
  const after = await findMark(database, query, query.after, horizon);
  const before = await findMark(database, query, query.before, horizon);
  return { after, before, end: undefined, horizon };
}

/**
 * Outside a transaction everything committed gets its position first. A transaction looks at the log and the outbox
 * in one glance instead: positions given meanwhile would not show what it has written itself, and waiting there for a
 * second connection is how pools starve.
 */
async function lookAround(database: Database): Promise<Horizon | undefined> {
  if (!database.inTransaction()) {
    await sequence(database.apart, database.schema);
    return undefined;
  }
  const [row] = await database.query<{ log_end: string; pending: string }>(
    `select (select coalesce(max(position), 0) from ${database.schema}.log)::text as log_end,
      (select coalesce(json_agg(seq::text order by seq), '[]') from ${database.schema}.outbox)::text as pending`,
    [],
  );
  return { end: row?.log_end ?? '0', pending: JSON.parse(row?.pending ?? '[]') as string[] };
}

async function findMark(
  database: Database,
  query: ReadQuery,
  id: string | undefined,
  horizon: Horizon | undefined,
): Promise<Mark | undefined> {
  if (id === undefined) return undefined;
  if (!isStorable(id)) throw new EventNotFound(id, query.stream);
  const { text, values } = selectMark(database.schema, query, id, horizon);
  const [mark] = await database.query<Mark>(text, values);
  if (mark === undefined) throw new EventNotFound(id, query.stream);
  return mark;
}

function matchesNothing({ types, ids, stream }: ReadQuery): boolean {
  return (
    types?.some(isStorable) === false ||
    ids?.some(isStorable) === false ||
    (stream !== undefined && !isStorable(stream))
  );
}

function storable(query: ReadQuery): ReadQuery {
  return {
    ...query,
    types: query.types && [...new Set(query.types.filter(isStorable))],
    ids: query.ids?.filter(isStorable),
  };
}
