import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { MikroORM as PgliteORM } from '@mikro-orm/pglite';
import { effectPort, effectScope, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';
import { runInProcess } from '../../support/processes.js';
import { compared, judgedOnce } from './compared.js';

const Note = defineEntity({
  name: 'Note',
  tableName: 'notes',
  properties: { id: p.integer().primary(), text: p.string() },
});

const sent: unknown[] = [];
const mails = effectPort('mails', { send: (text: string) => sent.push(text) });

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;

beforeAll(async () => {
  database = await createDatabase();
  orm = await MikroORM.init({
    ...ignoreHandoverSchema(),
    entities: [Note],
    clientUrl: database.url,
    pool: { max: 4 },
  });
  store = new EventStore({ log: mikroOrmLog(orm) });
  await store.migrate();
  await orm.schema.create();
});

afterAll(async () => {
  await store.close();
  await orm.close(true);
  await database.drop();
});

async function write(text: string) {
  const em = orm.em.fork();
  em.create(Note, { text });
  await em.flush();
}

const notes = async () => (await orm.em.fork().find(Note, {})).map(({ text }) => text);

describe('a captured run', () => {
  it('is kept from what it does after its end, and its verdict is taken back', async () => {
    const gate = Promise.withResolvers<void>();
    const after: string[] = [];
    const handler = () => {
      void (async () => {
        await gate.promise;
        mails.send('late');
        after.push('sent');
        await fetch('http://127.0.0.1:9/').catch(() => after.push('refused'));
        await write('late');
        after.push('written');
      })();
    };
    const { verdicts, judged, disconnect } = await compared(
      { listener: () => undefined, handler },
      { store },
    );
    expect(verdicts).toMatchObject([{ verdict: 'match' }]);
    gate.resolve();
    await until(() => after.length === 2);
    const later = (await judged()).slice(1);
    disconnect();
    expect(later.map(({ verdict }) => verdict)).toEqual(later.map(() => 'untrusted'));
    expect(later.flatMap(({ escapes }) => escapes).join()).toContain('after the end of the run');
    expect(after).toEqual(['sent', 'refused']);
    expect(sent).toEqual([]);
    expect(await notes()).not.toContain('late');
  });

  it('ends with its budget, whatever the database does meanwhile', async () => {
    const started = performance.now();
    const judged = await judgedOnce(
      {
        listener: () => undefined,
        handler: () => orm.em.fork().execute('select count(*) from pg_sleep(25)'),
      },
      { store, budget: 300 },
    );
    expect(judged).toMatchObject({ verdict: 'handler-error' });
    expect(performance.now() - started).toBeLessThan(10_000);
    const waiting = await orm.em
      .fork()
      .execute(
        "select 1 from pg_stat_activity where query like '%pg_sleep%' and state = 'active' and pid <> pg_backend_pid()",
      );
    expect(waiting).toEqual([]);
  });

  it('is not given up for what it waits for on account of others', async () => {
    const handler = () =>
      effectScope()?.spared.during(async () => {
        const began = performance.now();
        while (performance.now() - began < 800) await new Promise((resolve) => void setImmediate(resolve));
      });
    const judged = await judgedOnce({ listener: () => undefined, handler }, { store, budget: 500 });
    expect(judged).toMatchObject({ verdict: 'match' });
    expect(judged.handler?.duration).toBeLessThan(500);
  });

  it('that finds no transaction to work in is distrusted, whatever it makes of that', async () => {
    const without = await MikroORM.init({
      ...ignoreHandoverSchema(),
      entities: [Note],
      clientUrl: database.url,
      disableTransactions: true,
    });
    const own = new EventStore({ log: mikroOrmLog(without) });
    const handler = () =>
      without.em
        .fork()
        .find(Note, {})
        .catch(() => undefined);
    const { verdicts, errors, disconnect } = await compared(
      { listener: () => undefined, handler },
      { store: own },
    );
    disconnect();
    expect(verdicts).toMatchObject([
      { verdict: 'untrusted', escapes: [expect.stringContaining('opened no transaction')] },
    ]);
    expect(errors.map(String)).toEqual([expect.stringContaining('opened no transaction')]);
    await own.close();
    await without.close(true);
  });

  it('that is given up does no more', async () => {
    const gate = Promise.withResolvers<void>();
    const handler = async () => {
      await gate.promise;
      await write('given up');
    };
    const judged = await judgedOnce({ listener: () => undefined, handler }, { store, budget: 20 });
    gate.resolve();
    expect(judged).toMatchObject({
      verdict: 'handler-error',
      handler: { error: { name: 'BudgetExceeded' } },
    });
    expect(await notes()).not.toContain('given up');
  });

  it('sees neither entities nor changes of its publisher, and leaves none there', async () => {
    const seen: unknown[] = [];
    let unit: readonly object[] = [];
    const em = orm.em.fork();
    const handler = async () => {
      seen.push(orm.em.getContext() === em, [...orm.em.getContext().getUnitOfWork().getIdentityMap()].length);
      seen.push(await orm.em.findOne(Note, { text: 'pending' }));
      orm.em.create(Note, { text: 'captured' });
      await orm.em.flush();
    };
    const publish = (broadcast: () => void) =>
      em.transactional(async (own) => {
        own.create(Note, { text: 'pending' });
        broadcast();
        await own.flush();
        unit = [...own.getUnitOfWork().getIdentityMap()];
        own.create(Note, { text: 'rolled back with its publisher' });
        await own.flush();
        own.clear();
      });
    await judgedOnce({ listener: () => undefined, handler }, { store, publish });
    expect(seen.slice(0, 2)).toEqual([false, 0]);
    expect(unit).toMatchObject([{ text: 'pending' }]);
    expect(await notes()).not.toContain('captured');
  });

  it('of a queued handler shares the transaction of its delivery', async () => {
    let worker: AsyncDisposable | undefined;
    const same = { listener: () => write('queued'), handler: () => write('queued') };
    const { judged, disconnect } = await compared(same, {
      store,
      subscribe: { run: 'queued', name: 'notes' },
      publish: async (broadcast) => {
        // As many deliveries as there are connections: none would be left for transactions of their own.
        worker = await store.work({ concurrency: 4 });
        for (let times = 0; times < 12; times += 1) broadcast();
      },
    });
    let verdicts = await judged();
    for (let turn = 0; turn < 2_000 && verdicts.length < 12; turn += 1) verdicts = await judged();
    disconnect();
    await worker?.[Symbol.asyncDispose]();
    expect(verdicts.map(({ verdict, differences }) => [verdict, differences])).toEqual(
      Array.from({ length: 12 }, () => ['match', []]),
    );
    expect((await notes()).filter((text) => text === 'queued')).toHaveLength(12);
  });

  it('of the listener is compared with the handler that performs, rows included', async () => {
    const live = { store, stage: 'live', percent: 100 } as const;
    const same = { listener: () => write('live'), handler: () => write('live') };
    expect(await judgedOnce(same, live)).toMatchObject({ verdict: 'match', performed: 'handler' });
    const other = { listener: () => write('old'), handler: () => write('live') };
    expect(await judgedOnce(other, live)).toMatchObject({ verdict: 'mismatch' });
    expect((await notes()).filter((text) => ['live', 'old'].includes(text))).toEqual(['live', 'live']);
  });

  it('works on PGlite, whose one session it shares', async () => {
    const lite = await PgliteORM.init({ ...ignoreHandoverSchema(), entities: [Note] });
    const own = new EventStore({ log: mikroOrmLog(lite) });
    await own.migrate();
    await lite.schema.create();
    const insert = async (text: string) => {
      const em = lite.em.fork();
      em.create(Note, { text });
      await em.flush();
    };
    const same = { listener: () => insert('x'), handler: () => insert('x') };
    const other = { listener: () => insert('x'), handler: () => insert('y') };
    const raw = {
      listener: () => undefined,
      handler: () => lite.em.fork().execute("insert into notes (text) values ('z')"),
    };
    expect(await judgedOnce(same, { store: own })).toMatchObject({ verdict: 'match' });
    expect(await judgedOnce(other, { store: own })).toMatchObject({ verdict: 'mismatch' });
    expect(await judgedOnce(raw, { store: own })).toMatchObject({ verdict: 'untrusted' });
    expect((await lite.em.fork().find(Note, {})).map(({ text }) => text)).toEqual(['x', 'x']);
    await own.close();
    await lite.close(true);
  });

  it('does not end the process with a rejection that it leaves behind', async () => {
    const program = runInProcess(new URL('./floating-rejections.ts', import.meta.url));
    expect(await program.nextLine()).toBe('judged: untrusted untrusted');
    expect(await program.nextLine()).toBe('uncaught: of the program');
    expect((await program.exited()).code).toBe(7);
  });
});

async function until(condition: () => boolean) {
  for (let turn = 0; turn < 2_000 && !condition(); turn += 1) {
    await new Promise((resolve) => void setImmediate(resolve));
  }
}
