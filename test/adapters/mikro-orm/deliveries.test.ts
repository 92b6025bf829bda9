import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TransactionContext } from '@mikro-orm/core';
import { MikroORM as PgliteORM } from '@mikro-orm/pglite';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { deliveryLogContract } from 'handover/testing';
import { Client } from 'pg';
import type { EventLog } from '../../../src/index.js';
import {
  claim,
  deliveriesOf,
  eventually,
  handlerOf,
  pairsOf,
  register,
  sequenceAll,
  tokensOf,
} from '../../../src/testing/contracts/delivery-actions.js';
import { queryOf, store } from '../../../src/testing/contracts/log-actions.js';
import { newRecord, newRecords } from '../../../src/testing/contracts/new-record.js';
import { allPostgresServers, createDatabase } from '../../support/postgres.js';
import type { TestDatabase } from '../../support/postgres.js';
import { runInProcess } from '../../support/processes.js';

const Nothing = defineEntity({ name: 'Nothing', properties: { id: p.integer().primary() } });

const closing: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

for (const server of allPostgresServers()) {
  const begun = (async () => {
    const database = await createDatabase({ server });
    closing.push(() => database.drop());
    return { orm: await connect(database.url), other: await connect(database.url) };
  })();

  deliveryLogContract({
    name: `the log of MikroORM on ${server.name}`,
    open: async () => emptied((await begun).orm),
    beside: async () => mikroOrmLog((await begun).other),
    transaction: async (_log, work) => inTransaction((await begun).orm, work),
  });
}

const pglite = (async () => {
  const orm = await PgliteORM.init({ ...ignoreHandoverSchema(), entities: [Nothing], dbName: 'memory://' });
  closing.push(() => orm.close(true));
  return orm;
})();

deliveryLogContract({
  name: 'the log of MikroORM on PGlite',
  open: async () => emptied(await pglite),
  transaction: async (_log, work) => inTransaction(await pglite, work),
  cannot: { competingConnections: 'PGlite is one connection', listening: 'PGlite is one process' },
});

async function connect(clientUrl: string, max = 10): Promise<MikroORM> {
  const pool = { min: 0, max };
  const orm = await MikroORM.init({ ...ignoreHandoverSchema(), entities: [Nothing], clientUrl, pool });
  closing.push(() => orm.close(true));
  return orm;
}

async function emptied(orm: MikroORM | PgliteORM) {
  const log = mikroOrmLog(orm);
  await log.migrate();
  await orm.em.fork().execute(`truncate handover.streams, handover.events, handover.links, handover.outbox,
    handover.log, handover.handlers, handover.deliveries, handover.replays`);
  return log;
}

/** As an application does: in the open transaction a savepoint, else a transaction of its own. */
function inTransaction<T>(orm: MikroORM | PgliteORM, work: () => Promise<T>): Promise<T> {
  const em = TransactionContext.getEntityManager() ?? orm.em.fork();
  return em.transactional(() => work());
}

let url: string;
let orms: readonly [MikroORM, MikroORM, MikroORM];

beforeAll(async () => {
  const database = await createDatabase();
  closing.push(() => database.drop());
  ({ url } = database);
  orms = [await connect(url, 45), await connect(url), await connect(url)];
});

/** Three logs on one empty database, as of three processes. */
async function threeLogs(): Promise<readonly [EventLog, EventLog, EventLog]> {
  return [await emptied(orms[0]), mikroOrmLog(orms[1]), mikroOrmLog(orms[2])];
}

function rows<Row>(statement: string, parameters: readonly unknown[] = []): Promise<Row[]> {
  return orms[0].em.fork().execute<Row[]>(statement, [...parameters]);
}

/** How many deliveries there are, and of how many pairs of event and handler. */
async function deliveryCount(): Promise<unknown> {
  const [counts] =
    await rows(`select count(*)::int as deliveries, count(distinct (seq, handler))::int as pairs,
    count(distinct seq)::int as events from handover.deliveries`);
  return counts;
}

describe('deliveries on PostgreSQL', () => {
  // H1, H7
  it('are one for each event and handler, and none for what rolled back, under 40 writers and 3 sequencers', async () => {
    const logs = await threeLogs();
    await register(logs[0], 'all', handlerOf('some', { types: ['SomethingHappened'] }));
    let committed = 0;
    const write = async (writer: number) => {
      for (let round = 0; round < 10; round += 1) {
        const fails = (writer + round) % 5 === 0;
        const work = orms[0].em.fork().transactional(async () => {
          await store(logs[0], `hot-${round % 4}`, ...newRecords(1 + (round % 3)));
          if (fails) throw new Error('rolled back on purpose');
        });
        await (fails ? expect(work).rejects.toThrow('rolled back on purpose') : work);
        if (!fails) committed += 1 + (round % 3);
      }
    };
    const done = new AbortController();
    const sequence = async (log: EventLog) => {
      while (!done.signal.aborted) await deliveriesOf(log).sequence();
    };
    const sequencers = logs.map(sequence);
    await Promise.all(Array.from({ length: 40 }, (_, writer) => write(writer)));
    done.abort();
    await Promise.all(sequencers);
    await sequenceAll(logs[0]);
    expect(await deliveryCount()).toEqual({
      deliveries: 2 * committed,
      pairs: 2 * committed,
      events: committed,
    });
    expect(await logs[1].count(queryOf())).toBe(committed);
  });

  it('are made by a reader who sequences, too', async () => {
    const [log, reader] = await threeLogs();
    await register(log, 'a');
    await store(log, 's', ...newRecords(3));
    expect(await reader.count(queryOf())).toBe(3);
    expect(await claim(log, 'a')).toHaveLength(3);
  });

  it('do not wait for the sequencer at work', async () => {
    const [log, other] = await threeLogs();
    await register(log, 'a');
    await store(log, 's', newRecord());
    await orms[0].em.fork().transactional(async (em) => {
      await em.execute('select handover.sequence(1)');
      expect(await deliveriesOf(other).sequence()).toBe(0);
    });
    expect(await claim(log, 'a')).toHaveLength(1);
  });

  it('of events that nobody has sequenced are made and claimed by one transaction, as many as asked for', async () => {
    const [log] = await threeLogs();
    await register(log, 'a');
    await store(log, 's', ...newRecords(3));
    expect(await claim(log, 'a', { sequencing: 2 })).toHaveLength(2);
    expect(
      await rows(`select count(distinct xmin::text)::int as transactions from (
        select xmin from handover.log union all select xmin from handover.deliveries) as written`),
    ).toEqual([{ transactions: 1 }]);
    expect(await deliveriesOf(log).sequence()).toBe(1);
  });

  it('are claimed beside the sequencer at work, which is not waited for', async () => {
    const [log, other] = await threeLogs();
    await register(log, 'a');
    await store(log, 's', newRecord());
    await deliveriesOf(log).sequence();
    await store(log, 's', newRecord());
    await orms[0].em.fork().transactional(async (em) => {
      await em.execute('select handover.sequence(1)');
      expect(await claim(other, 'a', { sequencing: 10 })).toHaveLength(1);
    });
  });

  it('are leased to one of 5 claimers each', async () => {
    const logs = await threeLogs();
    await register(logs[0], 'a', 'b');
    await store(logs[0], 's', ...newRecords(700));
    await sequenceAll(logs[0]);
    const got: string[] = [];
    const work = async (worker: number) => {
      const log = logs[worker % 3] as EventLog;
      for (let idle = 0; idle < 3;) {
        const claimed = await claim(log, ['a', 'b'], { limit: 9, worker: `w${worker}` });
        got.push(...pairsOf(claimed));
        idle = claimed.length === 0 ? idle + 1 : 0;
      }
    };
    await Promise.all([1, 2, 3, 4, 5].map(work));
    expect(got).toHaveLength(1_400);
    expect(new Set(got).size).toBe(1_400);
  });

  it('of one claimer leave those of a handler to another, beyond what it takes', async () => {
    const [log, other] = await threeLogs();
    await register(log, 'a', 'b');
    await store(log, 's', ...newRecords(10));
    await sequenceAll(log);
    await orms[0].em.fork().transactional(async (em) => {
      const first = await em.execute(
        `select * from handover.claim(array['a', 'b'], array[10, 10], 10, 'w1', 60000)`,
      );
      expect(first).toHaveLength(10);
      expect(await claim(other, ['a', 'b'], { limit: 20 })).toHaveLength(10);
    });
  });

  // H16
  it('are finished in any order without waiting for each other in a circle', async () => {
    const [log, other] = await threeLogs();
    await register(log, 'a');
    await store(log, 's', ...newRecords(200));
    await sequenceAll(log);
    const error = { name: 'Error', message: 'failed', stack: undefined };
    for (let round = 0; round < 15; round += 1) {
      const tokens = tokensOf(await claim(log, 'a'));
      const failures = tokens
        .toReversed()
        .map((token) => ({ token, error, next: { kind: 'retry-uncounted', inMs: 0 } as const }));
      const lost = await Promise.all([
        deliveriesOf(log).complete(tokens.slice(-1)),
        deliveriesOf(log).fail(failures.slice(2)),
        deliveriesOf(other).fail(failures.slice(1).toReversed()),
      ]);
      expect(lost[0]).toEqual([]);
      expect(lost.flat()).toHaveLength(tokens.length - 2);
    }
  });

  it('of a running one that its transaction is just completing hold up no renewal of others', async () => {
    const [log] = await threeLogs();
    await register(log, 'a');
    await store(log, 's', ...newRecords(2));
    await sequenceAll(log);
    const [first = '', second = ''] = tokensOf(await claim(log, 'a', { leaseFor: 60_000 }));
    await orms[0].em.fork().transactional(async () => {
      expect(await deliveriesOf(log).complete([first])).toEqual([]);
      expect(await deliveriesOf(log).renew([first, second], 7_200_000)).toEqual([]);
    });
    const far = await rows(
      `select state from handover.deliveries where leased_until > now() + interval '1 hour'`,
    );
    expect(far).toEqual([{ state: 'running' }]);
  });
});

describe('a handler registered while others publish', () => {
  it('by 10 starters at once is one handler, and misses nothing from there on', async () => {
    const logs = await threeLogs();
    const done = new AbortController();
    const write = async () => {
      while (!done.signal.aborted) await store(logs[0], 's', newRecord());
    };
    const writers = [write(), write(), write()];
    const handlers = [handlerOf('now'), handlerOf('old', { from: 'beginning' })];
    await Promise.all(
      Array.from({ length: 10 }, (_, nth) => deliveriesOf(logs[nth % 3] as EventLog).register(handlers)),
    );
    const after = newRecord();
    await store(logs[1], 's', after);
    done.abort();
    await Promise.all(writers);
    await sequenceAll(logs[0]);
    expect((await deliveriesOf(logs[2]).registrations()).map(({ name }) => name)).toEqual(['now', 'old']);

    const [old] = await rows<{ missing: number; twice: number }>(`select
      count(*) filter (where deliveries.seq is null)::int as missing, (count(*) - count(distinct log.seq))::int as twice
      from handover.log left join (handover.deliveries join handover.handlers on id = handler and name = 'old') using (position)`);
    expect(old).toEqual({ missing: 0, twice: 0 });
    const [now] = await rows<{ gaps: number; made: number }>(`select count(*)::int as made,
      (select count(*) from handover.log where position >= min(deliveries.position))::int - count(*)::int as gaps
      from handover.deliveries join handover.handlers on id = handler and name = 'now'`);
    expect(now?.gaps).toBe(0);
    expect(now?.made).toBeGreaterThan(0);
    expect((await deliveriesOf(logs[0]).fatesOf(after.id)).map(({ handler }) => handler)).toEqual([
      'now',
      'old',
    ]);
  });

  it('keeps sequencers away until it is known', async () => {
    const [log, other] = await threeLogs();
    const late = newRecord();
    const registered = await orms[2].em.fork().transactional(async (em) => {
      await em.execute('lock table handover.handlers in share mode');
      const registering = register(log, handlerOf('a', { from: 'beginning' }), 'b');
      await eventually('the registration waits', async () => {
        const [waiting] = await em.execute<object[]>(`select 1 from pg_locks
          where relation = 'handover.handlers'::regclass and not granted`);
        return waiting;
      });
      await store(other, 's', late);
      expect(await deliveriesOf(other).sequence()).toBe(0);
      return { registering };
    });
    await registered.registering;
    await sequenceAll(other);
    expect((await deliveriesOf(other).fatesOf(late.id)).map(({ handler }) => handler)).toEqual(['a', 'b']);
  });

  it('gets all of a long history, also where a crash has interrupted it', async () => {
    const [log, other] = await threeLogs();
    for (let nth = 0; nth < 10; nth += 1) {
      await store(log, `s${nth}`, ...newRecords(450), ...newRecords(50, { type: 'Rare' }));
    }
    const registration = [
      { name: 'all', attempts: 3, starts_from: 'beginning', ordered: false },
      {
        name: 'rare',
        types: ['Rare', 'Rare', 'Unheard'],
        attempts: 3,
        starts_from: 'beginning',
        ordered: false,
      },
    ];
    await rows('select handover.register(?::json)', [JSON.stringify(registration)]);
    expect(await rows('select handover.backfill(1000) as made')).toEqual([{ made: 1_000 }]);
    await store(other, 's', ...newRecords(3));
    expect(await deliveriesOf(other).sequence()).toBe(3);
    expect(
      await rows(`select name, count(*)::int, count(distinct position)::int as positions
        from handover.deliveries join handover.handlers on id = handler group by name order by name`),
    ).toEqual([
      { name: 'all', count: 5_003, positions: 5_003 },
      { name: 'rare', count: 500, positions: 500 },
    ]);
    expect(await rows('select handover.backfill(1000) as made')).toEqual([{ made: null }]);
  });
});

describe('a migration from a schema without deliveries', () => {
  it('keeps its events, which a handler from the beginning gets', async () => {
    const [log] = await threeLogs();
    await store(log, 's', ...newRecords(5));
    await rows(`do $$ declare each regprocedure; begin
      for each in select oid::regprocedure from pg_proc where pronamespace = 'handover'::regnamespace
        and proname not in ('advance', 'append', 'append_each', 'append_one', 'append_to', 'delete_stream',
          'first_duplicate', 'link', 'overwrite', 'refusal')
      loop execute 'drop function ' || each; end loop;
    end $$`);
    await rows('drop table handover.deliveries, handover.handlers, handover.replays cascade');
    await rows('drop sequence handover.deliveries_fence');
    await rows('delete from handover.migrations where version > 3');
    await expect(register(log, 'a')).rejects.toMatchObject({ code: 'schema_outdated', found: 3 });
    await log.migrate();
    await register(log, handlerOf('a', { from: 'beginning' }));
    expect(await claim(log, 'a')).toHaveLength(5);
  });
});

describe('a claim among 50 000 deliveries', () => {
  const fill = (state: string) => `insert into handover.deliveries
    (position, seq, handler, state, due_at, leased_until, fence)
    select n, n, id, ${state}, now() + interval '1 hour', now() + interval '1 hour', n
      from generate_series(1, 50000) as n cross join handover.handlers where name = 'a'`;

  it.each([
    ['all of them due', `'due'`],
    ['most of them done', `case when n > 49900 then 'due' else 'done' end`],
    ['most of them waiting for a retry', `case when n > 49900 then 'due' else 'waiting' end`],
    ['most of them running', `case when n > 49900 then 'due' else 'running' end`],
  ])('finds the oldest by an index, with %s', async (_, state) => {
    const [log] = await threeLogs();
    await register(log, 'a');
    await rows(`insert into handover.events (seq, id, type, schema_version, data, metadata, recorded_at)
      select n, 'event ' || n, 'Thing', 1, '{}', '{}', now() from generate_series(1, 50000) as n`);
    await rows(fill(state));
    const client = new Client({ connectionString: url });
    await client.connect();
    const plans: string[] = [];
    client.on('notice', ({ message }) => plans.push(message ?? ''));
    await client.query(`load 'auto_explain'; set auto_explain.log_min_duration = 0;
      set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on; set client_min_messages = log`);
    // From the sixth on, the session's plans are generic.
    for (let nth = 0; nth < 8; nth += 1) {
      const { rowCount } = await client.query(`select * from handover.claim('{a}', '{10}', 10, 'w', 60000)`);
      expect(rowCount).toBe(10);
    }
    await client.end();
    const text = plans.join('\n');
    expect(text).toContain('deliveries_turn_idx');
    expect(text).not.toContain('Seq Scan on deliveries');
    const visited = Array.from(text.matchAll(/ rows=(\d+)(?:\.\d+)? loops=/g), ([, count]) => Number(count));
    expect(visited.length).toBeGreaterThan(20);
    expect(Math.max(...visited)).toBeLessThanOrEqual(100);
  });
});

const listenerCount = `select count(*)::int as listeners from pg_stat_activity
  where datname = current_database() and application_name = 'handover listener'`;

describe('a listener on PostgreSQL', () => {
  it('hears of deliveries on a connection beside the pool, and closes it in the end', async () => {
    const [log, publisher] = await threeLogs();
    await register(log, 'a');
    const heard = Promise.withResolvers<void>();
    const stop = await deliveriesOf(log).listen(heard.resolve);
    expect(await rows(listenerCount)).toEqual([{ listeners: 1 }]);
    await store(publisher, 's', newRecord());
    await sequenceAll(publisher);
    await heard.promise;
    await stop();
    await eventually(
      'the connection is closed',
      async () => (await rows<{ listeners: number }>(listenerCount))[0]?.listeners === 0 || undefined,
    );
  });

  it('hears again after its backend was terminated, of what came meanwhile too', async () => {
    const [log, publisher] = await threeLogs();
    await register(log, 'a');
    let heard = 0;
    const stop = await deliveriesOf(log).listen(() => {
      heard += 1;
    });
    for (let round = 0; round < 3; round += 1) {
      const before = heard;
      await rows(listenerCount.replace('count(*)::int as listeners', 'pg_terminate_backend(pid)'));
      await store(publisher, 's', newRecord());
      await sequenceAll(publisher);
      await eventually('it is woken', async () => heard > before || undefined);
    }
    const reconnected = heard;
    await store(publisher, 's', newRecord());
    await sequenceAll(publisher);
    await eventually('it is woken', async () => heard > reconnected || undefined);
    await stop();
  });

  // Seen failing with a notification from `move`: it was woken each time.
  it('is woken by a claim that sequences for what is left to others, and for nothing else', async () => {
    const [log, publisher] = await threeLogs();
    await register(log, 'a', 'b');
    const client = new Client({ connectionString: url });
    await client.connect();
    const heard: string[] = [];
    client.on('notification', ({ payload }) => heard.push(payload ?? ''));
    await client.query('listen handover');
    await store(publisher, 's', newRecord());
    expect(await claim(log, ['a', 'b'], { sequencing: 10 })).toHaveLength(2);
    await client.query("notify handover, 'both are claimed'");
    await store(publisher, 's', newRecord());
    expect(await claim(log, 'a', { sequencing: 10 })).toHaveLength(1);
    await client.query("notify handover, 'one is left'");
    await client.end();
    expect(heard).toEqual(['both are claimed', '', 'one is left']);
  });

  it('stops in the midst of reconnecting', async () => {
    const database = await createDatabase();
    const orm = await connect(database.url);
    const log = mikroOrmLog(orm);
    await log.migrate();
    const stop = await deliveriesOf(log).listen(() => undefined);
    await database.drop();
    await stop();
    await stop();
  });

  // H11
  it.each([
    ['listens', async () => undefined],
    ['has lost its database', (database: TestDatabase) => database.drop()],
  ])('lets a process end that stops it while it %s', async (_, before) => {
    await using database = await createDatabase();
    const log = mikroOrmLog(await connect(database.url));
    await log.migrate();
    await using listener = runInProcess(new URL('./listener.ts', import.meta.url), {
      args: [database.url],
    });
    expect(await listener.nextLine()).toBe('listening');
    await register(log, 'a');
    await store(log, 's', newRecord());
    await sequenceAll(log);
    expect(await listener.nextLine()).toBe('woken');
    await before(database);
    listener.send('stop');
    expect(await listener.exited()).toMatchObject({ code: 0 });
  });
});
