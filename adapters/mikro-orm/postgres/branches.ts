import type { ReadQuery } from '../../../src/index.js';
import type { Parameters } from './parameters.js';
import type { QuotedSchema } from './schema-name.js';

/** What a transaction sees of the global order: the log up to `end`, then its events without a position, by seq. */
export interface Horizon {
  readonly end: string;
  readonly pending: readonly string[];
}

/** One relation that a read draws from. Its rows, and those of its siblings, are merged by `place`. */
export interface Branch {
  /** Tables, always with `events` among them. */
  readonly from: string;
  readonly conditions: readonly string[];
  /** What sorts in append order. */
  readonly place: string;
  /** Of the log, where `from` has it; else null, and looked up at the end. */
  readonly position: 'log.position' | 'null::bigint';
  /** Set where an index leads from a type to its places: one type a time. */
  readonly typeColumn?: string;
}

const notYet = 'null::bigint';

/** Behind every position that there will be. */
const unsequenced = '4611686018427387904';

/**
 * @param end Place of the last event to be seen; `undefined` for all.
 * @param horizon Within a transaction, for the global order.
 */
export function branchesOf(
  schema: QuotedSchema,
  query: ReadQuery,
  { bind }: Parameters,
  end: string | undefined,
  horizon: Horizon | undefined,
): readonly Branch[] {
  const tables = tablesOf(schema);
  const upTo = (column: string) => (end === undefined ? [] : [`${column} <= ${bind(end)}::bigint`]);

  if (query.stream !== undefined) {
    const stream = bind(query.stream);
    return [
      {
        from: tables.home,
        conditions: [`events.stream = ${stream}`, ...upTo('events.version')],
        place: 'events.version',
        position: notYet,
      },
      {
        from: tables.links,
        conditions: [`links.stream = ${stream}`, ...upTo('links.version')],
        place: 'links.version',
        position: notYet,
      },
    ];
  }
  if (horizon !== undefined) return withPending(tables, query, bind, horizon);
  const conditions = upTo('log.position');
  return query.order === 'append'
    ? [
        {
          from: tables.log,
          conditions,
          place: 'log.position',
          position: 'log.position',
          typeColumn: 'log.type',
        },
      ]
    : [{ from: tables.log, conditions, place: 'events.seq', position: 'log.position' }];
}

/** The place of the last event there is, in the order of `branchesOf`. */
export function endOf(schema: QuotedSchema, query: ReadQuery, { bind }: Parameters): string {
  return query.stream === undefined
    ? `(select max(position) from ${schema}.log)`
    : `(select version from ${schema}.streams where name = ${bind(query.stream)})`;
}

function withPending(
  tables: Tables,
  query: ReadQuery,
  bind: Parameters['bind'],
  { end, pending }: Horizon,
): readonly Branch[] {
  const isPending = `events.seq = any (${bind(pending)}::bigint[])`;
  const isLogged = `log.position <= ${bind(end)}::bigint`;
  if (query.order !== 'append') {
    return [
      {
        from: tables.all,
        conditions: [`(${isLogged} or ${isPending})`],
        place: 'events.seq',
        position: 'log.position',
      },
    ];
  }
  return [
    {
      from: tables.log,
      conditions: [isLogged],
      place: 'log.position',
      position: 'log.position',
      typeColumn: 'log.type',
    },
    { from: tables.home, conditions: [isPending], place: `${unsequenced} + events.seq`, position: notYet },
  ];
}

type Tables = ReturnType<typeof tablesOf>;

function tablesOf(schema: QuotedSchema) {
  return {
    home: `${schema}.events as events`,
    links: `${schema}.links as links join ${schema}.events as events on events.seq = links.seq`,
    log: `${schema}.log as log join ${schema}.events as events on events.seq = log.seq`,
    all: `${schema}.events as events left join ${schema}.log as log on log.seq = events.seq`,
  };
}
