import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { EffectScope, EventStore, runInScope } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

const Note = defineEntity({
  name: 'Note',
  tableName: 'notes',
  properties: { id: p.integer().primary(), text: p.string() },
});

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;
let pool: Pool;
/** What the pool's connections were sent. */
const sent: string[] = [];
let taken = 0;

beforeAll(async () => {
  database = await createDatabase();
  orm = await MikroORM.init({
    ...ignoreHandoverSchema(),
    entities: [Note],
    clientUrl: database.url,
    driverOptions: { max: 2, connectionTimeoutMillis: 500 },
  });
  store = new EventStore({ log: mikroOrmLog(orm) });
  await store.migrate();
  await orm.schema.create();
  pool = await orm.em.getConnection().getNativeClient();
  pool.on('acquire', (client) => {
    taken += 1;
    if (Object.hasOwn(client, 'query')) return;
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: [unknown, ...unknown[]]) => {
      const [first] = args;
      sent.push(typeof first === 'string' ? first : String(Reflect.get(first as object, 'text')));
      return query(...args);
    }) as typeof client.query;
  });
  await captured(async () => undefined);
});

afterAll(async () => {
  await store.close();
  await orm.close(true);
  await database.drop();
});

beforeEach(() => {
  sent.length = 0;
  taken = 0;
});

/** Runs `work` as a captured run in a rehearsal; closes its scope when the work is over. */
async function captured<T>(
  work: (scope: EffectScope) => Promise<T>,
  undone?: EffectScope['effects'],
): Promise<{ readonly scope: EffectScope; readonly result: T }> {
  const scope = new EffectScope('captured');
  const result = await store.recording.rehearse(async () => {
    try {
      return await runInScope(scope, () => work(scope));
    } finally {
      scope.close();
    }
  }, undone);
  return { scope, result };
}

async function performed(work: () => Promise<void>): Promise<EffectScope> {
  const scope = new EffectScope('performed');
  await runInScope(scope, work);
  scope.close();
  return scope;
}

async function write(text: string) {
  const em = orm.em.fork();
  em.create(Note, { text });
  await em.flush();
}

async function until(condition: () => boolean) {
  for (let turn = 0; turn < 2_000 && !condition(); turn += 1) {
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

const begun = () => sent.filter((each) => /^begin/i.test(each)).length;
const isIdle = () => pool.idleCount === pool.totalCount && pool.waitingCount === 0;
const count = async () => {
  const rows = await orm.em
    .getKysely()
    .selectFrom('notes' as never)
    .selectAll()
    .execute();
  return rows.length;
};

describe('a captured run', () => {
  it('that does not turn to the database takes no connection, and finds itself in a transaction', async () => {
    const { result } = await captured(async () => {
      orm.em.create(Note, { text: 'left' });
      return orm.em.isInTransaction();
    });
    expect(result).toBe(true);
    expect(taken).toBe(0);
    expect(sent).toEqual([]);
  });

  it('opens one transaction for statements that it sends side by side', async () => {
    await captured(() =>
      Promise.all([orm.em.fork().find(Note, {}), orm.em.find(Note, {}), write('a'), count()]),
    );
    expect(begun()).toBe(1);
    expect(isIdle()).toBe(true);
  });

  it.each([
    ['an entity manager of its own', () => orm.em.fork().count(Note)],
    ['the entity manager that it finds', () => orm.em.count(Note)],
    ['Kysely', count],
    ['a transaction', () => orm.em.transactional((em) => em.count(Note))],
  ] as const)('finds through %s first what the run that performed has found', async (_, look) => {
    const all = () => orm.em.fork().count(Note);
    const before = await all();
    const { effects } = await performed(() => write('performed'));
    const { result } = await captured(look, effects);
    expect(result).toBe(before);
    expect(await all()).toBe(before + 1);
  });

  it('reads the log in its transaction, and after its end outside of it', async () => {
    const later = Promise.withResolvers<void>();
    const { result } = await captured(async () => {
      await store.read.stream('none').first();
      const inside = begun();
      return { inside, after: later.promise.then(() => store.read.stream('none').toArray()) };
    });
    later.resolve();
    expect(result.inside).toBe(1);
    expect(await result.after).toEqual([]);
  });

  it('cannot use Kysely any more, when its transaction is over', async () => {
    const { result: kysely } = await captured(async () => orm.em.getKysely());
    const read = kysely
      .selectFrom('notes' as never)
      .selectAll()
      .execute();
    await expect(read).rejects.toThrow('already rolled back');
    expect(sent).toEqual([]);
  });

  it('that ends while its transaction still begins gives the connection back, and sends nothing', async () => {
    const { scope } = await captured(async () => {
      const connection = once(pool, 'acquire');
      void write('floating');
      await connection;
    });
    expect(isIdle()).toBe(true);
    expect(sent).toEqual(['begin', 'rollback']);
    expect(scope.escapes).toEqual([{ what: 'SQL after the end of the run' }]);
  });

  it('is spared the wait for a connection', async () => {
    const holders = await Promise.all([pool.connect(), pool.connect()]);
    const scope = Promise.withResolvers<EffectScope>();
    const run = captured((own) => {
      scope.resolve(own);
      return orm.em.count(Note);
    });
    const { spared } = await scope.promise;
    await until(() => pool.waitingCount > 0);
    expect(spared.milliseconds).toBeGreaterThan(0);
    for (const holder of holders) holder.release();
    await run;
    const { milliseconds } = spared;
    await new Promise((resolve) => void setImmediate(resolve));
    expect(spared.milliseconds).toBe(milliseconds);
  });

  it('whose transaction cannot begin fails, whatever it makes of that', async () => {
    const holders = await Promise.all([pool.connect(), pool.connect()]);
    const run = captured(() => write('x').catch(() => 'went on'));
    await expect(run).rejects.toThrow('timeout');
    for (const holder of holders) holder.release();
    expect(isIdle()).toBe(true);
    expect(begun()).toBe(0);
  });

  it('is refused what belongs to a transaction of somebody else', async () => {
    const before = await orm.em.fork().count(Note);
    const em = orm.em.fork();
    await em.begin();
    em.create(Note, { text: 'of the owner' });
    const { scope } = await captured(() => em.flush().catch(() => undefined));
    expect(scope.refusedAny).toBe(true);
    const { scope: another } = await captured(() => em.commit().catch(() => undefined));
    expect(another.refusedAny).toBe(true);
    await em.rollback();
    expect(await orm.em.fork().count(Note)).toBe(before);
    expect(isIdle()).toBe(true);
  });

  it('is a savepoint of the transaction around it, when it turns to the database', async () => {
    await orm.em.fork().transactional(async (em) => {
      em.create(Note, { text: 'around' });
      await em.flush();
      sent.length = 0;
      await captured(async () => undefined);
      expect(sent).toEqual([]);
      await captured(() => write('within'));
    });
    expect(begun()).toBe(0);
    expect(sent.map((each) => each.split('"')[0]?.trim())).toEqual([
      'savepoint',
      'savepoint',
      'insert into',
      'release',
      'rollback to',
      'commit',
    ]);
  });
});
