import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool, types as pgTypes } from 'pg';
import type { PoolClient, PoolConfig } from 'pg';
import {
  DuplicateEvent,
  InvalidArgument,
  LogUnavailable,
  SchemaOutdated,
  TransactionScope,
  UnknownCommitOutcome,
  WrongExpectedVersion,
} from '../../../src/index.js';
import type { Append, EventLog, NewRecord, Transaction, Transactions } from '../../../src/index.js';
import type { Connections, Execute } from '../../../adapters/mikro-orm/execute.js';
import { DatabaseTooOld } from '../../../adapters/mikro-orm/postgres/database-too-old.js';
import { diagnose } from '../../../adapters/mikro-orm/postgres/errors.js';
import { endOfPrefix } from '../../../adapters/mikro-orm/postgres/lookups.js';
import { migrate, schemaVersion, wantedVersion } from '../../../adapters/mikro-orm/postgres/migrate.js';
import { inOrderOfCalls, postgresLog } from '../../../adapters/mikro-orm/postgres/postgres-log.js';
import { eventLogContract } from '../../../src/testing/contracts/event-log-contract.js';
import type { LogSubject } from '../../../src/testing/contracts/event-log-contract.js';
import { appendOf, queryOf, read, readIds, store } from '../../../src/testing/contracts/log-actions.js';
import { newRecord, newRecords } from '../../../src/testing/contracts/new-record.js';
import { allPostgresServers, createDatabase, embeddedPostgres } from '../../support/postgres.js';
import type { TestDatabase, TestServer } from '../../support/postgres.js';

/** Transactions straight on `pg`: the least that the log needs. */
class PgTransactions implements Transactions {
  readonly #here = new AsyncLocalStorage<{ client: PoolClient; scope: TransactionScope } | undefined>();
  readonly #pool: Pool;
  readonly #write: (appends: readonly Append[]) => ReturnType<EventLog['append']>;

  constructor(pool: Pool, write: (appends: readonly Append[]) => ReturnType<EventLog['append']>) {
    this.#pool = pool;
    this.#write = write;
  }

  current(): Transaction | undefined {
    return this.#here.getStore()?.scope;
  }

  get client(): PoolClient | undefined {
    return this.#here.getStore()?.client;
  }

  outside<T>(work: () => T): T {
    return this.#here.run(undefined, work);
  }

  async run<T>(work: (transaction: Transaction) => Promise<T>, begin = 'begin'): Promise<T> {
    const around = this.#here.getStore();
    if (around !== undefined) return this.#savepoint(around, work);
    const client = await this.#pool.connect();
    const scope = new TransactionScope((appends) => this.#write(appends), 10_000);
    try {
      await client.query(begin);
      const result = await this.#here.run({ client, scope }, async () => {
        const answer = await work(scope);
        await scope.flush();
        scope.throwIfDoomed();
        return answer;
      });
      await client.query('commit');
      await scope.commit();
      client.release();
      return result;
    } catch (error) {
      await client.query('rollback').then(
        () => client.release(),
        (broken: Error) => client.release(broken),
      );
      scope.rollBack();
      throw error;
    }
  }

  async #savepoint<T>(
    { client, scope: outer }: { client: PoolClient; scope: TransactionScope },
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    const scope = outer.nested();
    await client.query('savepoint s');
    try {
      const result = await this.#here.run({ client, scope }, () => work(scope));
      await this.#here.run({ client, scope }, () => scope.flush());
      await client.query('release s');
      scope.release();
      return result;
    } catch (error) {
      await client.query('rollback to s; release s');
      scope.rollBack();
      throw error;
    }
  }
}

interface Opened {
  readonly log: EventLog;
  readonly pool: Pool;
  readonly schema: string;
  readonly transactions: PgTransactions;
  /** What was sent, in order. */
  readonly sent: { readonly text: string; readonly values: readonly unknown[] }[];
  readonly rows: <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;
}

/** Whoever waits for a statement is told anyway. */
function ignoreLoss(): void {}

const lastQueries = new WeakMap<PoolClient, Promise<unknown>>();

/** A client of its own answers one query after the other; pg wants to be asked so, too. */
function inTurn<T>(to: Pool | PoolClient, ask: () => Promise<T>): Promise<T> {
  if (to instanceof Pool) return ask();
  const answer = (lastQueries.get(to) ?? Promise.resolve()).then(ask, ask);
  lastQueries.set(to, answer);
  return answer;
}

const pools = new Map<string, Pool>();
let schemas = 0;

function poolOf(url: string, options: PoolConfig = {}): Pool {
  const key = `${url} ${JSON.stringify(options)}`;
  const pool = pools.get(key) ?? new Pool({ connectionString: url, max: 40, ...options });
  if (!pools.has(key)) {
    pool.on('error', ignoreLoss);
    pool.on('connect', (client) => client.on('error', ignoreLoss));
  }
  pools.set(key, pool);
  return pool;
}

function connect(pool: Pool, schema = `log_${(schemas += 1)}`): Opened {
  const sent: { text: string; values: readonly unknown[] }[] = [];
  const on =
    (client: () => Pool | PoolClient): Execute =>
    async <Row>(text: string, values: readonly unknown[]) => {
      sent.push({ text, values });
      const to = client();
      return (await inTurn(to, () => to.query(text, [...values]))).rows as readonly Row[];
    };
  const connections: Connections = { joined: on(() => transactions.client ?? pool), apart: on(() => pool) };
  const transactions: PgTransactions = new PgTransactions(pool, (appends) => raw.append(appends));
  const raw: EventLog = postgresLog({ connections, schema, transactions });
  const log = inOrderOfCalls(raw);
  const rows = async <Row>(text: string, values: readonly unknown[] = []) =>
    (await pool.query(text, [...values])).rows as Row[];
  return { log, pool, schema, transactions, sent, rows };
}

async function openLog(pool: Pool): Promise<Opened> {
  const opened = connect(pool);
  await opened.log.migrate();
  return opened;
}

const databases: TestDatabase[] = [];

async function newPool(server: TestServer = embeddedPostgres, options: PoolConfig = {}): Promise<Pool> {
  const database = await createDatabase({ server });
  databases.push(database);
  return poolOf(database.url, options);
}

let pool: Pool;

beforeAll(async () => {
  pool = await newPool();
});

afterAll(async () => {
  await Promise.all([...pools.values()].map((each) => each.end()));
  await Promise.all(databases.map((each) => each.drop()));
});

for (const server of allPostgresServers()) {
  const opened = new WeakMap<EventLog, Opened>();
  let own: Pool | undefined;
  const remember = (each: Opened) => {
    opened.set(each.log, each);
    return each.log;
  };
  const known = (log: EventLog) => {
    const found = opened.get(log);
    if (found === undefined) throw new Error('This log was opened by somebody else.');
    return found;
  };
  const subject: LogSubject = {
    name: `the log on ${server.name}, straight on pg,`,
    open: async () => remember(await openLog((own ??= await newPool(server)))),
    beside: async (log) => remember(connect(known(log).pool, known(log).schema)),
    transaction: (log, work) => known(log).transactions.run(work),
  };
  eventLogContract(subject);
}

function successes(outcomes: readonly unknown[]): number {
  return outcomes.filter((outcome) => 'stored' in (outcome as object)).length;
}

describe('an append', () => {
  it('takes one round trip, alone, in a batch and with a conflict', async () => {
    const { log, sent } = await openLog(pool);
    sent.length = 0;
    await store(log, 'a', newRecord());
    await log.append([appendOf('a', [newRecord()], 7)]);
    await log.append([
      appendOf('a', newRecords(3)),
      appendOf('b', newRecords(1)),
      appendOf(undefined, newRecords(2)),
    ]);
    expect(sent).toHaveLength(3);
  });

  it('lets one of 100 writers through who expect the same version, and tells the others where the stream is', async () => {
    const { log, rows, schema } = await openLog(pool);
    await store(log, 'hot', ...newRecords(3));
    const outcomes = (
      await Promise.all(Array.from({ length: 100 }, () => log.append([appendOf('hot', [newRecord()], 2)])))
    ).flat();
    expect(successes(outcomes)).toBe(1);
    const failures = outcomes.flatMap((outcome) => ('failure' in outcome ? [outcome.failure] : []));
    expect(failures).toHaveLength(99);
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(WrongExpectedVersion);
      expect(failure).toMatchObject({ stream: 'hot', expected: 2, actual: 3 });
    }
    expect(await rows(`select max(version) as last, count(*)::int from ${schema}.events`)).toEqual([
      { last: 3, count: 4 },
    ]);
  });

  // H4, H5
  it('leaves 30 competing transactions usable, of which one has won', async () => {
    const { log, rows, schema, transactions, pool: used } = await openLog(pool);
    await used.query(`create table ${schema}.entities (id int)`);
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, nth) =>
        transactions.run(async () => {
          await transactions.client?.query(`insert into ${schema}.entities values ($1)`, [nth]);
          const outcome = await log.append([appendOf('hot', newRecords(2), -1)]);
          await transactions.client?.query(`insert into ${schema}.entities values ($1)`, [nth]);
          return outcome;
        }),
      ),
    );
    expect(successes(outcomes.flat())).toBe(1);
    expect(await rows(`select count(*)::int as entities from ${schema}.entities`)).toEqual([
      { entities: 60 },
    ]);
    expect(await log.count(queryOf({ stream: 'hot' }))).toBe(2);
  });

  it('undoes an append with a duplicate to the last row, whatever its neighbours do', async () => {
    const { log, rows, schema } = await openLog(pool);
    const known = newRecord();
    await store(log, 'a', known);
    const outcomes = await log.append([
      appendOf('a', newRecords(2)),
      appendOf('a', [newRecord(), known, newRecord()]),
      appendOf('b', [known]),
      appendOf(undefined, [newRecord(), known]),
      appendOf('a', newRecords(2), 2),
    ]);
    expect(outcomes.map((each) => ('failure' in each ? each.failure : each.stored.firstVersion))).toEqual([
      1,
      expect.any(DuplicateEvent),
      expect.any(DuplicateEvent),
      expect.any(DuplicateEvent),
      3,
    ]);
    expect(await rows(`select version from ${schema}.events where stream = 'a' order by seq`)).toEqual(
      [0, 1, 2, 3, 4].map((version) => ({ version })),
    );
    const [counts] = await rows(
      `select (select count(*) from ${schema}.events)::int as events, (select count(*) from ${schema}.outbox)::int as outbox`,
    );
    expect(counts).toEqual({ events: 5, outbox: 5 });
    expect(await log.searchStreams('', 10)).toEqual(['a']);
  });

  it('calls a retried write a duplicate, though the stream has moved on by it', async () => {
    const { log } = await openLog(pool);
    const records = newRecords(2);
    await log.append([appendOf('a', records, -1)]);
    for (const retried of [records, records.slice(1)]) {
      const [outcome] = await log.append([appendOf('a', retried, -1)]);
      expect(outcome).toEqual({ failure: expect.any(DuplicateEvent) });
    }
  });

  // H16
  it('never deadlocks with another that names the same streams in another order', async () => {
    const { log, transactions } = await openLog(pool);
    const names = Array.from({ length: 12 }, (_, nth) => `s${nth}`);
    const writer = async (nth: number) => {
      for (let round = 0; round < 25; round += 1) {
        const rotated = [...names.slice((nth + round) % 12), ...names.slice(0, (nth + round) % 12)];
        const order = nth % 2 === 0 ? rotated : rotated.toReversed();
        const write = () => log.append(order.map((name) => appendOf(name, [newRecord()])));
        const outcomes = await (nth % 3 === 0 ? transactions.run(write) : write());
        expect(successes(outcomes)).toBe(12);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, nth) => writer(nth)));
    for (const name of names) {
      const versions = (await read(log, { stream: name })).map((record) => record.version);
      expect(versions).toEqual(Array.from({ length: 200 }, (_, version) => version));
    }
  });

  it('passes a serialization failure of a stricter transaction on as it is', async () => {
    const { log, transactions } = await openLog(pool);
    await store(log, 'a', newRecord());
    const strict = transactions.run(async () => {
      await log.count(queryOf({ stream: 'a' }));
      await transactions.outside(() => store(log, 'a', newRecord()));
      await store(log, 'a', newRecord());
    }, 'begin isolation level repeatable read');
    await expect(strict).rejects.toMatchObject({ code: '40001' });
    expect(await log.count(queryOf({ stream: 'a' }))).toBe(2);
  });

  // H12
  it('stamps the events of a stream in the order of their versions, however long one waited for its turn', async () => {
    const { log, transactions } = await openLog(pool);
    await transactions
      .run(async () => {
        await store(log, 'a', newRecord());
        const waiting = [newRecords(1), newRecords(2)].map((records) =>
          transactions.outside(() => store(log, 'a', ...records)),
        );
        await transactions.client?.query('select pg_sleep(0.02)');
        await store(log, 'a', newRecord());
        return { waiting };
      })
      .then(({ waiting }) => Promise.all(waiting));
    const times = (await read(log, { stream: 'a' })).map(({ timestamp }) => timestamp.getTime());
    expect(times).toHaveLength(5);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('keeps the JSON null and dates of their own', async () => {
    const { log } = await openLog(pool);
    const at = {
      timestamp: new Date('1999-12-31T23:59:59.999Z'),
      validAt: new Date('2038-01-19T03:14:08.001Z'),
    };
    await store(log, 'a', newRecord('Nothing', null, at));
    await store(log, 'a', newRecord('Nothing', null, at), newRecord('Nothing', null));
    const [first, second, third] = await read(log, { stream: 'a' });
    expect(first).toMatchObject({ data: null, ...at });
    expect(second).toMatchObject({ data: null, ...at });
    expect(third).toMatchObject({ data: null, validAt: third?.timestamp });
  });
});

// H1
describe('the global order', () => {
  it('shows every event once and each stream in its order, to readers beside slow writers', async () => {
    const { log, transactions, pool: used, schema } = await openLog(pool);
    await used.query(`create table ${schema}.entities (id int primary key, touched int not null)`);
    await used.query(`insert into ${schema}.entities select nth, 0 from generate_series(0, 15) as nth`);
    const committed = new Set<string>();
    const rolledBack = new Error('rolled back');
    const writer = async (nth: number) => {
      for (let round = 0; round < 20; round += 1) {
        const records = newRecords(1 + ((nth + round) % 3));
        const done = await transactions
          .run(async () => {
            await transactions.client?.query(
              `update ${schema}.entities set touched = touched + 1 where id = $1`,
              [nth],
            );
            await transactions.client?.query('select pg_sleep($1)', [((nth * round) % 5) / 1000]);
            await store(log, `hot-${(nth + round) % 8}`, ...records);
            if ((nth + round) % 20 === 0) throw rolledBack;
          })
          .catch((error: unknown) => {
            if (error !== rolledBack) throw error;
            return 'nothing';
          });
        if (done !== 'nothing') for (const { id } of records) committed.add(id);
      }
    };

    const writing = Promise.all(Array.from({ length: 16 }, (_, nth) => writer(nth)));
    let finished = false;
    const end = writing.finally(() => (finished = true));
    const follow = async () => {
      const seen: { id: string; stream: string; version: number }[] = [];
      for (let last = false; ;) {
        last = finished;
        for await (const batch of log.read(queryOf({ after: seen.at(-1)?.id }), 7)) {
          for (const { id, stream = '', version = -1 } of batch) seen.push({ id, stream, version });
        }
        if (last) return seen;
      }
    };
    const [first, second] = await Promise.all([follow(), follow(), end]);

    expect(committed.size).toBeGreaterThan(500);
    for (const seen of [first, second]) {
      expect(seen.map(({ id }) => id).toSorted()).toEqual([...committed].toSorted());
      const versions = new Map<string, number>();
      for (const { stream, version } of seen) {
        expect(version).toBe((versions.get(stream) ?? -1) + 1);
        versions.set(stream, version);
      }
    }
    expect(first).toEqual(second);
  }, 60_000);

  it('is read within a transaction without a second connection', async () => {
    const narrow = poolOf((pool.options as PoolConfig).connectionString ?? '', { max: 1 });
    const { log, transactions } = await openLog(narrow);
    const before = newRecord();
    const within = newRecord();
    await store(log, 'a', before);
    await transactions.run(async () => {
      await store(log, 'a', within);
      expect(await readIds(log)).toEqual([before.id, within.id]);
      expect(await log.positionOf(within.id)).toBeUndefined();
    });
    expect(await log.positionOf(within.id)).toBeGreaterThan(
      await log.positionOf(before.id).then((at) => at ?? 0n),
    );
  });

  it('stays whole for a transaction that reads on while others are given positions', async () => {
    const { log, transactions } = await openLog(pool);
    const records = newRecords(6);
    await store(log, 'a', ...records.slice(0, 2));
    await readIds(log);
    await store(log, 'a', ...records.slice(2, 4));
    await transactions.run(async () => {
      await store(log, 'b', ...records.slice(4));
      const seen: string[] = [];
      for await (const batch of log.read(queryOf(), 1)) {
        seen.push(...batch.map(({ id }) => id));
        await transactions.outside(() => readIds(log));
        await transactions.outside(() => store(log, 'c', newRecord()));
      }
      expect(seen).toEqual(records.map(({ id }) => id));
    });
  });

  it('ends where it ended when the reader began, though the reader writes', async () => {
    const { log } = await openLog(pool);
    await store(log, 'a', ...newRecords(4));
    for (const query of [{}, { stream: 'a' }, { order: 'timestamp' as const }]) {
      let batches = 0;
      const before = await log.count(queryOf(query));
      for await (const batch of log.read(queryOf(query), 1)) {
        batches += 1;
        await store(log, 'a', ...newRecords(batch.length));
        await log.count(queryOf());
      }
      expect(batches).toBe(before);
    }
  });

  it('finds an event by the type it was given before or after it got its position', async () => {
    const { log } = await openLog(pool);
    const [early, late] = [newRecord('Old'), newRecord('Old')];
    await store(log, 'a', early);
    await readIds(log);
    await store(log, 'a', late);
    await log.overwrite([early, late].map((record) => ({ ...record, type: 'New' })));
    expect(await readIds(log, { types: ['New'] })).toEqual([early.id, late.id]);
    expect(await readIds(log, { types: ['Old'] })).toEqual([]);
    expect(await readIds(log, { types: ['Old', 'New', 'New', 'Other'], limit: 1 })).toEqual([early.id]);
  });

  it('waits for the sequencer that is copying a type which is about to change', async () => {
    const { log, pool: used, schema } = await openLog(pool);
    const record = newRecord('Old');
    await store(log, 'a', record);
    const sequencer = await used.connect();
    await sequencer.query('begin');
    await sequencer.query(`select ${schema}.sequence(10)`);
    const overwriting = log.overwrite([{ ...record, type: 'New' }]);
    await waitingForAdvisoryLock(used);
    await sequencer.query('commit');
    sequencer.release();
    await overwriting;
    expect(await readIds(log, { types: ['New'] })).toEqual([record.id]);
  });

  it('is made by one sequencer per schema', async () => {
    const [one, other] = [await openLog(pool), await openLog(pool)];
    await store(one.log, 'a', newRecord());
    await store(other.log, 'a', newRecord());
    const sequencer = await pool.connect();
    await sequencer.query('begin');
    await sequencer.query(`select ${one.schema}.sequence(10)`);
    expect(await readIds(other.log)).toHaveLength(1);
    const waiting = readIds(one.log);
    await waitingForAdvisoryLock(pool);
    await sequencer.query('commit');
    sequencer.release();
    expect(await waiting).toHaveLength(1);
  });
});

async function waitingForAdvisoryLock(used: Pool): Promise<void> {
  const waiting = `select count(*)::int as locks from pg_locks
    where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`;
  for (;;) {
    const { rows } = await used.query<{ locks: number }>(waiting);
    if ((rows[0]?.locks ?? 0) > 0) return;
  }
}

describe('a read', () => {
  let big: Opened;

  beforeAll(async () => {
    big = await openLog(pool);
    const { schema } = big;
    await big.rows(
      `insert into ${schema}.streams select 'S-' || nth, 299 from generate_series(0, 199) as nth`,
    );
    await big.rows(`insert into ${schema}.events
      select nth, 'e-' || nth, 'S-' || nth % 200, nth / 200, 'Type' || nth % 50, 1, jsonb_build_object('nth', nth), '{}', null,
        timestamptz '2026-01-01' + nth * interval '1 second', null
      from generate_series(0, 59999) as nth`);
    await big.rows(`insert into ${schema}.links (stream, version, seq)
      select 'L-' || nth % 100, nth / 100, nth from generate_series(0, 49999) as nth`);
    await big.rows(
      `insert into ${schema}.streams select 'L-' || nth, 499 from generate_series(0, 99) as nth`,
    );
    await big.rows(`insert into ${schema}.log select seq + 1, seq, type from ${schema}.events`);
    await big.rows(`select setval('${schema}.log_position', 100000), setval('${schema}.events_seq', 100000)`);
    for (const table of ['streams', 'events', 'links', 'log', 'outbox'])
      await big.rows(`vacuum analyze ${schema}.${table}`);
  });

  interface Plan {
    readonly 'Node Type': string;
    readonly 'Relation Name'?: string;
    readonly 'Actual Rows': number;
    readonly 'Actual Loops': number;
    readonly 'Rows Removed by Filter'?: number;
    readonly Plans?: readonly Plan[];
  }

  function nodesOf(plan: Plan): Plan[] {
    return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
  }

  /** What each statement of `work` does, and how many rows its busiest step touched. */
  async function plansOf(work: () => Promise<unknown>): Promise<{ seqScans: string[]; mostRows: number }> {
    big.sent.length = 0;
    await work();
    const nodes: Plan[] = [];
    for (const { text, values } of big.sent.filter((each) => !each.text.includes('sequence('))) {
      const [row] = await big.rows<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
        `explain (analyze, format json) ${text}`,
        values,
      );
      if (row !== undefined) nodes.push(...nodesOf(row['QUERY PLAN'][0].Plan));
    }
    expect(nodes.length).toBeGreaterThan(0);
    return {
      seqScans: nodes.flatMap((node) =>
        node['Node Type'] === 'Seq Scan' ? [node['Relation Name'] ?? ''] : [],
      ),
      mostRows: Math.max(
        ...nodes.map(
          (node) => (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
        ),
      ),
    };
  }

  async function firstBatch(query: Parameters<typeof queryOf>[0]): Promise<void> {
    for await (const batch of big.log.read(queryOf(query), 100)) {
      expect(batch.length).toBeGreaterThan(0);
      return;
    }
    throw new Error('The read found nothing.');
  }

  // R18–R48
  it.each<[string, () => Promise<unknown>]>([
    ['a stream', () => firstBatch({ stream: 'S-7' })],
    ['a stream backward', () => firstBatch({ stream: 'S-7', direction: 'backward' })],
    ['a stream of links', () => firstBatch({ stream: 'L-7' })],
    ['a stream behind an event', () => firstBatch({ stream: 'S-7', after: 'e-30007' })],
    ['the global order', () => firstBatch({})],
    ['the global order backward', () => firstBatch({ direction: 'backward' })],
    ['the global order behind an event', () => firstBatch({ after: 'e-30000' })],
    ['one type', () => firstBatch({ types: ['Type7'], after: 'e-30000' })],
    [
      'several types backward',
      () => firstBatch({ types: ['Type7', 'Type8', 'None'], direction: 'backward' }),
    ],
    ['an event by its id', () => firstBatch({ ids: ['e-31234'], limit: 1 })],
    [
      'events by time',
      () =>
        firstBatch({
          order: 'timestamp',
          newerThan: { at: new Date(Date.UTC(2026, 0, 1, 0, 0, 40_000)), inclusive: true },
        }),
    ],
    [
      'events by time backward',
      () => firstBatch({ order: 'timestamp', direction: 'backward', before: 'e-50' }),
    ],
    ['events by time of validity', () => firstBatch({ order: 'validAt', after: 'e-30000' })],
    ['the version of an event', () => big.log.versionIn('L-7', 'e-30007')],
    ['the streams of an event', () => big.log.streamsOf('e-30007')],
    ['the position of an event', () => big.log.positionOf('e-30007')],
    ['streams by prefix', () => big.log.searchStreams('S-11', 10)],
  ])('of %s out of 60 000 events touches no more than it gives', async (_, work) => {
    const { seqScans, mostRows } = await plansOf(work);
    expect(seqScans.filter((relation) => relation !== 'streams')).toEqual([]);
    expect(mostRows).toBeLessThanOrEqual(310);
  });

  it('goes on behind each batch by index, too', async () => {
    const { seqScans, mostRows } = await plansOf(async () => {
      const queries = [
        { types: ['Type7'] },
        { stream: 'S-7' },
        { order: 'timestamp' as const, stream: 'S-8' },
      ];
      for (const query of queries)
        expect((await readIds(big.log, { ...query, limit: 250 }, 100)).length).toBe(250);
    });
    expect(seqScans.filter((relation) => relation !== 'streams')).toEqual([]);
    expect(mostRows).toBeLessThanOrEqual(310);
  });

  it('does not depend on how the driver parses numbers, times and JSON', async () => {
    const raw = new Set<number>([20, 114, 1082, 1114, 1184, 1700, 3802]);
    const getTypeParser = ((oid: Parameters<typeof pgTypes.getTypeParser>[0], format?: 'text') =>
      raw.has(oid)
        ? (value: string) => value
        : pgTypes.getTypeParser(oid, format)) as typeof pgTypes.getTypeParser;
    const stubborn = new Pool({ ...pool.options, types: { getTypeParser } });
    const plain = await openLog(pool);
    const record = newRecord(
      'Something',
      { deep: [1, { a: null }] },
      { metadata: '{"b":true}', dates: '["$.x"]' },
    );
    await store(plain.log, 'a', record, newRecord());
    const expected = await read(plain.log);
    try {
      const { log } = connect(stubborn, plain.schema);
      expect(await read(log, {}, 1)).toEqual(expected);
      expect(await read(log, { order: 'validAt', after: record.id })).toEqual(expected.slice(1));
      expect(await log.count(queryOf({ stream: 'a' }))).toBe(2);
      expect(await log.positionOf(record.id)).toBe(expected[0]?.position);
      expect((await store(log, 'a', newRecord())).firstVersion).toBe(2);
    } finally {
      await stubborn.end();
    }
  });

  it('keeps the order of numbers where text would sort otherwise', async () => {
    const { log } = await openLog(pool);
    await store(log, 'a', ...newRecords(1_005));
    const versions = (await read(log, { stream: 'a' }, 400)).map(({ version }) => version);
    expect(versions).toEqual(Array.from({ length: 1_005 }, (_, version) => version));
    const positions = (await read(log, {}, 400)).map(({ position }) => position ?? 0n);
    expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(positions).toHaveLength(1_005);
  });

  it('answers what asks for text that PostgreSQL cannot hold, without disturbing the transaction', async () => {
    const { log, transactions } = await openLog(pool);
    const nul = '\u0000';
    await transactions.run(async () => {
      expect(await readIds(log, { ids: [nul] })).toEqual([]);
      expect(await readIds(log, { types: [nul] })).toEqual([]);
      expect(await readIds(log, { stream: nul })).toEqual([]);
      expect(await log.count(queryOf({ stream: nul }))).toBe(0);
      await expect(readIds(log, { after: nul })).rejects.toMatchObject({ code: 'event_not_found' });
      await expect(log.link({ stream: 'a', expected: undefined, eventIds: [nul] })).rejects.toMatchObject({
        code: 'event_not_found',
      });
      expect(await log.streamsOf(nul)).toEqual([]);
      expect(await log.versionIn(nul, nul)).toBeUndefined();
      expect(await log.positionOf(nul)).toBeUndefined();
      expect(await log.searchStreams(nul, 10)).toEqual([]);
      await log.deleteStream(nul);
      await store(log, 'a', newRecord());
    });
    expect(await log.count(queryOf())).toBe(1);
  });
});

describe('a search for streams', () => {
  it.each([
    ['', undefined],
    ['a', 'b'],
    ['Order-', 'Order.'],
    ['\ud7ff', '\ue000'],
    ['a\u{10ffff}', 'b'],
    ['\u{10ffff}', undefined],
    ['a\u{1f600}', 'a\u{1f601}'],
  ])('by %j ends before %j', (prefix, end) => {
    expect(endOfPrefix(prefix)).toBe(end);
  });
});

/** Says that it is PostgreSQL 12.22, whatever it is asked. */
const postgres12: Execute = async <Row>() => [{ server: 120_022 } as Row];

describe('migrate', () => {
  it('is safe from 10 starters at once, and done once', async () => {
    const server = await createDatabase();
    databases.push(server);
    const starters = Array.from({ length: 10 }, () => new Pool({ connectionString: server.url, max: 1 }));
    await Promise.all(starters.map((each) => connect(each, 'handover').log.migrate()));
    const [first] = starters;
    const applied = await first?.query('select version from handover.migrations order by version');
    expect(applied?.rows).toEqual(Array.from({ length: wantedVersion }, (_, nth) => ({ version: nth + 1 })));
    await Promise.all(starters.map((each) => each.end()));
  });

  it('needs no rights and no lock when there is nothing to do', async () => {
    const { log, schema, pool: used } = await openLog(pool);
    const blocker = await used.connect();
    await blocker.query('begin');
    await blocker.query(`lock table ${schema}.events in access exclusive mode`);
    await log.migrate();
    await blocker.query('rollback');
    blocker.release();
  });

  it('uses a schema that is there already', async () => {
    const { log, schema, rows } = connect(pool);
    await rows(`create schema ${schema}`);
    await log.migrate();
    await store(log, 'a', newRecord());
    expect(await log.count(queryOf())).toBe(1);
  });

  it('keeps schemas apart', async () => {
    const [one, other] = [await openLog(pool), await openLog(pool)];
    await store(one.log, 'a', newRecord());
    expect(await readIds(other.log)).toEqual([]);
  });

  it('leaves nothing behind when a step fails', async () => {
    const { log, schema, rows, pool: used } = connect(pool);
    await rows(`create schema ${schema}; create table ${schema}.log (other int)`);
    await expect(log.migrate()).rejects.toMatchObject({ code: '42P07' });
    expect(
      await schemaVersion(async (text, values) => (await used.query(text, [...values])).rows, schema),
    ).toBeUndefined();
    await rows(`drop table ${schema}.log`);
    await log.migrate();
    await store(log, 'a', newRecord());
  });

  it('refuses a schema that newer code has migrated', async () => {
    const { log, schema, rows } = await openLog(pool);
    await rows(`insert into ${schema}.migrations (version) values ($1)`, [wantedVersion + 1]);
    const refused = await log.migrate().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SchemaOutdated);
    expect(refused).toMatchObject({ schema, found: wantedVersion + 1, wanted: wantedVersion });
  });

  it('refuses a server older than PostgreSQL 13', async () => {
    await expect(migrate(postgres12, 'handover')).rejects.toThrow(DatabaseTooOld);
  });

  it.each(['Handover', '1st', 'a"b', '', 'a'.repeat(42), 'x; drop schema public'])(
    'is out of the question with the schema name %j',
    (schema) => {
      expect(() => connect(pool, schema)).toThrow(InvalidArgument);
    },
  );
});

describe('a log without its schema', () => {
  const uses: [string, (log: EventLog) => Promise<unknown>][] = [
    ['append', (log) => log.append([appendOf('a', newRecords(1))])],
    ['append many', (log) => log.append([appendOf('a', newRecords(2))])],
    ['link', (log) => log.link({ stream: 'a', expected: undefined, eventIds: ['x'] })],
    ['deleteStream', (log) => log.deleteStream('a')],
    ['overwrite', (log) => log.overwrite(newRecords(1))],
    ['read', (log) => readIds(log)],
    ['read of a stream', (log) => readIds(log, { stream: 'a' })],
    ['count', (log) => log.count(queryOf())],
    ['streamsOf', (log) => log.streamsOf('x')],
    ['versionIn', (log) => log.versionIn('a', 'x')],
    ['positionOf', (log) => log.positionOf('x')],
    ['searchStreams', (log) => log.searchStreams('a', 1)],
  ];

  it.each(uses)('says how to make it: %s', async (_, use) => {
    const { log, schema, transactions } = connect(pool);
    const outdated = { code: 'schema_outdated', schema, found: undefined, wanted: wantedVersion };
    await expect(use(log)).rejects.toMatchObject(outdated);
    await expect(transactions.run(() => use(log))).rejects.toMatchObject(outdated);
    await expect(use(log)).rejects.toThrow('store.migrate()');
  });

  it('is told before its first use, in a transaction that stays usable, and not asked for again', async () => {
    const { schema, rows } = await openLog(pool);
    await rows(`insert into ${schema}.migrations (version) values (${wantedVersion + 1})`);
    const { log, transactions, sent } = connect(pool, schema);
    const outdated = { code: 'schema_outdated', found: wantedVersion + 1, wanted: wantedVersion };
    await expect(log.append([appendOf('a', newRecords(1))])).rejects.toMatchObject(outdated);
    await transactions.run(async () => {
      await expect(log.append([appendOf('a', newRecords(1))])).rejects.toMatchObject(outdated);
      await transactions.client?.query('select 1');
    });

    await rows(`delete from ${schema}.migrations where version > ${wantedVersion}`);
    await transactions.run(() => log.append([appendOf('a', newRecords(1))]));
    sent.length = 0;
    await transactions.run(() => log.append([appendOf('a', newRecords(1))]));
    expect(sent.map((each) => each.text)).toEqual([expect.stringContaining('append_one')]);
    expect(await readIds(log)).toHaveLength(2);
  });

  it('tells the version of an older one', async () => {
    const { log, schema, rows } = await openLog(pool);
    await rows(`delete from ${schema}.migrations where version = ${wantedVersion}`);
    await rows(`drop function ${schema}.link(json)`);
    const linked = log.link({ stream: 'a', expected: undefined, eventIds: ['x'] });
    await expect(linked).rejects.toMatchObject({ code: 'schema_outdated', found: wantedVersion - 1 });
  });

  it('does not take the missing table of an application trigger for its own', async () => {
    const { log, schema, rows } = await openLog(pool);
    await rows(`create function ${schema}.broken() returns trigger language plpgsql as
      $$ begin insert into no_such_table values (1); return new; end $$`);
    await rows(
      `create trigger broken before insert on ${schema}.events for each row execute function ${schema}.broken()`,
    );
    await expect(log.append([appendOf('a', newRecords(1))])).rejects.toMatchObject({ code: '42P01' });
  });
});

async function blockedBackend({ rows, schema }: Opened): Promise<number> {
  for (;;) {
    const [row] = await rows<{ pid: number }>(
      `select pid from pg_locks join pg_class on pg_class.oid = relation
        where not granted and relnamespace = $1::regnamespace`,
      [schema],
    );
    if (row !== undefined) return row.pid;
  }
}

function terminate(opened: Opened): (backend: number) => Promise<unknown> {
  return (backend) => opened.rows('select pg_terminate_backend($1)', [backend]);
}

async function whileLocked(
  opened: Opened,
  table: string,
  work: () => Promise<unknown>,
  during: (backend: number) => Promise<unknown>,
): Promise<unknown> {
  const blocker = await opened.pool.connect();
  await blocker.query('begin');
  await blocker.query(`lock table ${opened.schema}.${table} in access exclusive mode`);
  const outcome = work().catch((error: unknown) => error);
  const backend = await blockedBackend(opened);
  await during(backend);
  const result = await outcome;
  await blocker.query('rollback');
  blocker.release();
  return result;
}

describe('a log whose database goes away', () => {
  it('does not know the outcome of a write under way', async () => {
    const opened = await openLog(pool);
    const [known, ...records] = newRecords(3);
    await store(opened.log, 'a', known as NewRecord);
    const { log } = opened;
    const writes: [() => Promise<unknown>, string[]][] = [
      [() => log.append([appendOf('a', records)]), records.map(({ id }) => id)],
      [() => log.append([appendOf('a', records.slice(1))]), records.slice(1).map(({ id }) => id)],
      [() => log.overwrite([known as NewRecord]), [known?.id ?? '']],
      [() => log.link({ stream: 'b', expected: undefined, eventIds: [known?.id ?? ''] }), [known?.id ?? '']],
    ];
    for (const [write, eventIds] of writes) {
      const error = await whileLocked(opened, 'events', write, terminate(opened));
      expect(error).toBeInstanceOf(UnknownCommitOutcome);
      expect(error).toMatchObject({ eventIds });
    }
    expect(await log.count(queryOf())).toBe(1);
  });

  it('knows that a transaction is lost with its connection, and that a read can be repeated', async () => {
    const opened = await openLog(pool);
    const { log, transactions } = opened;
    const append = () => log.append([appendOf('a', newRecords(1))]);
    const inTransaction = await whileLocked(
      opened,
      'events',
      () => transactions.run(append),
      terminate(opened),
    );
    expect(inTransaction).toBeInstanceOf(LogUnavailable);
    const reading = await whileLocked(
      opened,
      'events',
      () => readIds(log, { stream: 'a' }),
      terminate(opened),
    );
    expect(reading).toBeInstanceOf(LogUnavailable);
    expect(await log.count(queryOf())).toBe(0);
  });

  it('is unavailable when nobody listens', async () => {
    const absent = new Pool({ host: '127.0.0.1', port: 1, user: 'postgres' });
    const { log } = connect(absent, 'handover');
    const refused = await log.append([appendOf('a', newRecords(1))]).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LogUnavailable);
    expect((refused as Error).cause).toMatchObject({ code: 'ECONNREFUSED' });
    await absent.end();
  });

  it('understands errors that the ORM has wrapped', () => {
    const wrapped = new Error('wrapped', {
      cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
    });
    expect(diagnose(wrapped)).toBe('lost');
    expect(diagnose(new Error('Connection terminated unexpectedly'))).toBe('lost');
    expect(diagnose(new Error('timeout exceeded when trying to connect'))).toBe('unreachable');
    expect(diagnose(Object.assign(new Error('Connection terminated'), { code: '23505' }))).toBeUndefined();
    expect(diagnose('Connection terminated')).toBeUndefined();
  });
});
