import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RequestContext, TransactionContext } from '@mikro-orm/core';
import type { MikroORM } from '@mikro-orm/postgresql';
import { EventStore } from 'handover';
import { mikroOrmLog } from 'handover/mikro-orm';
import { Client } from 'pg';
import { store as append } from '../../../src/testing/contracts/log-actions.js';
import { newRecord } from '../../../src/testing/contracts/new-record.js';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';
import { runInProcess } from '../../support/processes.js';
import { connectTraces, insertTrace, Noted } from './hazard-subjects.js';

const queued = { to: [Noted], run: 'queued', name: 'traced' } as const;

let database: TestDatabase;
let orm: MikroORM;
const stores: EventStore[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  database = await createDatabase();
  orm = await connectTraces(database.url);
  await mikroOrmLog(orm).migrate();
  await rows('create table hazard_trace (id text not null)');
});

beforeEach(async () => {
  await rows(`truncate hazard_trace, handover.streams, handover.events, handover.links, handover.outbox, handover.log,
    handover.handlers, handover.deliveries`);
});

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  errors.length = 0;
});

afterAll(async () => {
  await orm.close(true);
  await database.drop();
});

function open(): EventStore {
  const store = new EventStore({ log: mikroOrmLog(orm) });
  store.onError((error) => errors.push(error));
  stores.push(store);
  return store;
}

function rows<Row>(statement: string): Promise<Row[]> {
  return orm.em.fork().execute<Row[]>(statement);
}

async function traces(): Promise<readonly string[]> {
  return (await rows<{ id: string }>('select id from hazard_trace order by id')).map(({ id }) => id);
}

/** Within the handler's own transaction. */
function leave(trace: string): Promise<unknown> {
  return orm.em.getContext().execute(insertTrace, [trace]);
}

const endLeases = () =>
  rows("update handover.deliveries set leased_until = now() - interval '1 s' where state = 'running'");

/** Two workers run one delivery at once: the lease of the first has run out while it was busy. */
async function twoRuns() {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const run = (nth: number) => async () => {
    await leave(nth === 0 ? 'first' : 'second');
    begun[nth]?.resolve();
    await gates[nth]?.promise;
  };
  const [first, second] = [open(), open()];
  first.subscribe(run(0), queued);
  second.subscribe(run(1), queued);
  await first.publish(new Noted({ note: 1 }, { id: 'doubled' }));
  const workers = [await first.work({ leaseFor: 600_000, concurrency: 1 })]; // no place for what it has lost
  await begun[0]?.promise;
  await endLeases();
  workers.push(await second.work({ leaseFor: 600_000 }));
  await begun[1]?.promise;
  return async (nth: number) => {
    gates[nth]?.resolve();
    await workers[nth]?.stop();
  };
}

describe('a delivery on PostgreSQL', () => {
  // H7. Seen failing with pg_notify in the functions that append.
  it('is told of by the sequencer, without a payload, and by no append', async () => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const heard: string[] = [];
    client.on('notification', ({ payload }) => heard.push(payload ?? ''));
    await client.query('listen handover');
    const log = mikroOrmLog(orm);
    await log.deliveries?.register([
      { name: 'told', types: undefined, from: 'now', attempts: 1, ordered: false },
    ]);
    // Not through a store, which would sequence in the background.
    await orm.em.fork().transactional(() => append(log, 'noted', newRecord()));
    await client.query("notify handover, 'the append is over'");
    await log.deliveries?.sequence();
    await client.query("notify handover, 'the sequencer is over'");
    await client.end();
    expect(heard).toEqual(['the append is over', '', 'the sequencer is over']);
  });

  // H8. Seen failing without the fence in queuedPerformer: both traces are there.
  it.each([
    ['the one who had it first', 0, 1],
    ['the one who took it over', 1, 0],
  ])(
    'that two run at once has the effects of the one who has the lease, when %s ends first',
    async (_, a, b) => {
      const finish = await twoRuns();
      await finish(a);
      await finish(b);
      expect(await traces()).toEqual(['second']);
      expect(errors).toEqual([]);
      const [fate] = (await mikroOrmLog(orm).deliveries?.fatesOf('doubled')) ?? [];
      expect(fate).toMatchObject({ state: 'done', attempt: 2 });
    },
  );

  // H8: what the documentation says about other connections.
  it('keeps nothing of a failed attempt but what its handler wrote on a connection of its own', async () => {
    const store = open();
    store.subscribe(
      async (_event, { attempt }) => {
        await leave(`own transaction, attempt ${attempt}`);
        await orm.em
          .fork({ clear: true, useContext: false })
          .getConnection()
          .execute(insertTrace, [`other, ${attempt}`]);
        if (attempt === 1) throw new Error('once');
      },
      { ...queued, backoff: 1 },
    );
    await store.publish(new Noted({ note: 1 }, { id: 'elsewhere' }));
    const worker = await store.work();
    for (let round = 0; round < 200 && (await traces()).length < 3; round += 1) await worker.idle();
    expect(await traces()).toEqual(['other, 1', 'other, 2', 'own transaction, attempt 2']);
  });

  // H11. Seen failing without throwIfAborted and the fence in queuedPerformer: the late trace is there.
  it('that timed out can commit nothing any more', async () => {
    const store = open();
    const gate = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    store.subscribe(
      async (_event, { attempt, signal }) => {
        await leave(`attempt ${attempt}`);
        if (attempt > 1) return;
        signal.addEventListener('abort', () => late.resolve());
        await gate.promise;
        await leave('late');
      },
      { ...queued, timeout: 150, backoff: 1 },
    );
    await store.publish(new Noted({ note: 1 }, { id: 'slow' }));
    const worker = await store.work();
    await late.promise;
    for (let round = 0; round < 200 && (await traces()).length === 0; round += 1) await worker.idle();
    gate.resolve();
    await worker.stop();
    for (let turn = 0; turn < 200; turn += 1) await nextTurn();
    const busy =
      "select 1 from pg_stat_activity where datname = current_database() and state like 'idle in%'";
    for (let round = 0; round < 200 && (await rows(busy)).length > 0; round += 1) await nextTurn();
    expect(await traces()).toEqual(['attempt 2']);
  });
});

describe('a worker whose clock is wrong', () => {
  const wrongBy: readonly [string, number][] = [
    ['an hour fast', 3_600_000],
    ['an hour slow', -3_600_000],
  ];

  // H12. Seen failing with leases and due times reckoned from the clock of the worker.
  it.each(wrongBy)('by %s leases, retries and records by the clock of the database', async (_, shift) => {
    const mine = { handlers: [{ name: 'clocked', limit: 1 }], limit: 1, worker: 'mine', leaseFor: 60_000 };
    const deliveries = mikroOrmLog(orm).deliveries;
    const seconds = async (what: string) => {
      const [row] = await rows<{ seconds: number }>(
        `select extract(epoch from ${what} - clock_timestamp())::float as seconds from handover.deliveries
           join handover.events using (seq)`,
      );
      return row?.seconds ?? Number.NaN;
    };

    await using program = runInProcess(new URL('./wrong-clock-worker.ts', import.meta.url), {
      args: [database.url, String(shift)],
    });
    expect(await program.nextLine()).toBe('running');
    expect(await seconds('recorded_at')).toBeGreaterThan(-60);
    expect(await seconds('recorded_at')).toBeLessThanOrEqual(0);
    expect(await seconds('leased_until')).toBeGreaterThan(0);
    expect(await seconds('leased_until')).toBeLessThanOrEqual(60);
    expect(await deliveries?.claim(mine)).toEqual([]);
    program.send('fail');
    expect(await program.nextLine()).toBe('idle');
    expect(await seconds('due_at')).toBeGreaterThan(-5);
    expect(await seconds('due_at')).toBeLessThanOrEqual(600);
    expect((await deliveries?.fatesOf('told by the wrong clock'))?.[0]).toMatchObject({
      state: 'pending',
      attempt: 1,
    });
  });

  // H12. Seen failing with the ends of leases compared with the clock of the worker.
  it.each(wrongBy)('by %s takes over no lease that lives, and one that is over', async (_, shift) => {
    const store = open();
    store.subscribe(() => {}, { ...queued, name: 'clocked' });
    await store.publish(new Noted({ note: 1 }));
    const deliveries = mikroOrmLog(orm).deliveries;
    await deliveries?.sequenceAll();
    const mine = { handlers: [{ name: 'clocked', limit: 1 }], limit: 1, worker: 'mine', leaseFor: 60_000 };
    expect(await deliveries?.claim(mine)).toHaveLength(1);
    await using program = runInProcess(new URL('./wrong-clock-worker.ts', import.meta.url), {
      args: [database.url, String(shift)],
    });
    // It publishes one of its own and runs that: the leased one was due before.
    expect(await program.nextLine()).toBe('running');
    expect(
      await rows("select 1 from handover.deliveries where worker = 'mine' and attempt = 1"),
    ).toHaveLength(1);
    program.send('go on');
    expect(await program.nextLine()).toBe('idle');
    await endLeases();
    expect(await program.nextLine()).toBe('running');
    expect(await rows('select 1 from handover.deliveries where attempt = 2')).toHaveLength(1);
  });
});

describe('a worker that is started inside a request', () => {
  const request = new AsyncLocalStorage<object>();

  // H18. Seen failing without fromRoot in Runs and Worker: the handler finds the request.
  it('runs each handler in an entity manager and a transaction of its own, outside of the request', async () => {
    const store = open();
    const seen: { request: unknown; em: unknown; transaction: string }[] = [];
    const transaction = async () => {
      const [row] = await orm.em
        .getContext()
        .execute<{ id: string }[]>('select pg_current_xact_id()::text as id');
      return row?.id ?? '';
    };
    store.subscribe(async () => {
      seen.push({
        request: request.getStore() ?? RequestContext.getEntityManager(),
        em: TransactionContext.getEntityManager(),
        transaction: await transaction(),
      });
    }, queued);
    await request.run({}, () =>
      RequestContext.create(orm.em, async () => {
        const worker = await store.work();
        await orm.em.transactional(async () => {
          const own = await transaction();
          await store.publish([new Noted({ note: 1 }), new Noted({ note: 2 })]);
          seen.push({ request: undefined, em: TransactionContext.getEntityManager(), transaction: own });
        });
        for (let round = 0; round < 200 && seen.length < 3; round += 1) await worker.idle();
      }),
    );
    expect(seen.map((each) => each.request)).toEqual([undefined, undefined, undefined]);
    expect(new Set(seen.map((each) => each.em)).size).toBe(3);
    expect(new Set(seen.map((each) => each.transaction)).size).toBe(3);
  });

  // H18. Seen failing without fromRoot around Worker's loop, and around its listening: the request is kept.
  it('keeps nothing of it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const store = open();
    store.subscribe(() => {}, queued);
    const begin = async () => {
      const held = {};
      const worker = await request.run(held, () => store.work());
      await store.publish(new Noted({ note: 1 }));
      await worker.idle();
      return new WeakRef(held);
    };
    const held = await begin();
    let isKept = true;
    for (let round = 0; isKept && round < 100; round += 1) {
      await nextTurn();
      collect();
      isKept = held.deref() !== undefined;
    }
    expect(isKept).toBe(false);
  });
});
