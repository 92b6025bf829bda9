import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BaseEntity, OptionalProps, RequestContext, serialize, wrap } from '@mikro-orm/core';
import {
  AfterCreate,
  AfterUpdate,
  Entity,
  PrimaryKey,
  Property,
  ReflectMetadataProvider,
} from '@mikro-orm/decorators/legacy';
import { MikroORM } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { defineEvent, EventStore, type Event } from 'handover';
import { createBus } from 'handover/legacy';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, startOwnPostgres, type TestDatabase } from '../../support/postgres.js';

const bus = createBus();

@Entity()
class Party extends bus.Publisher(BaseEntity) {
  [OptionalProps]?: 'listeners';

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  name!: string;

  rename(name: string): this {
    return this.broadcast('renamed', { name });
  }

  tell(event: string, ...args: unknown[]): this {
    return this.broadcast(event, ...args);
  }

  @AfterCreate()
  created(): void {
    this.broadcast('party_created', { name: this.name });
  }

  @AfterUpdate()
  updated(): void {
    this.broadcast('party_updated', { name: this.name });
  }
}

const named = z.object({ name: z.string() });
class Renamed extends defineEvent('Renamed', named) {}
class PartyCreated extends defineEvent('PartyCreated', named) {}
class Followed extends defineEvent('Followed', named) {}
let validated: Promise<void>;
const slowly = named.refine(async () => {
  await validated;
  return true;
});
class CheckedSlowly extends defineEvent('CheckedSlowly', slowly) {}

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;
const failures: unknown[] = [];
const subscriptions: (() => void)[] = [];

beforeAll(async () => {
  database = await createDatabase();
  orm = await open(database.url);
  store = new EventStore({ log: mikroOrmLog(orm) });
  await store.migrate();
  await orm.schema.create();
  await orm.em.fork().execute('create table names (name text)');
  bus.onError((error) => failures.push(error));
  store.onError((error) => failures.push(error));
  bus.connect(store, {
    events: {
      renamed: { event: Renamed, stream: () => 'Names' },
      party_created: PartyCreated,
      checked_slowly: CheckedSlowly,
    },
  });
});

afterEach(async () => {
  await bus.settled();
  for (const end of subscriptions.splice(0)) end();
  failures.length = 0;
  const tables = ['streams', 'events', 'links', 'outbox', 'log'].map((table) => `handover.${table}`);
  await orm.em.fork().execute(`truncate party, names, ${tables.join(', ')}`);
});

afterAll(async () => {
  await store.close();
  await orm.close(true);
  await database.drop();
});

function open(clientUrl: string): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Party],
    metadataProvider: ReflectMetadataProvider,
    clientUrl,
    ...ignoreHandoverSchema(),
  });
}

async function types(): Promise<readonly string[]> {
  return (await store.read.toArray()).map((event) => event.type);
}

async function rows(table: 'party' | 'names'): Promise<readonly string[]> {
  const found = await orm.em.fork().execute<{ name: string }[]>(`select name from ${table}`);
  return found.map((row) => row.name);
}

type Named = Event<{ name: string }>;

/** Through the global entity manager, as application code does. */
const noteName = (name: string) => orm.em.execute('insert into names values (?)', [name]);

function inTransaction(handle: (event: Named) => unknown): void {
  const options = { to: [Renamed, PartyCreated], run: 'in-transaction', name: 'names' } as const;
  subscriptions.push(store.subscribe(async (event: Named) => void (await handle(event)), options));
}

describe('a publisher that is an entity', () => {
  it('has no trace of the bus in its rows and serialisations', async () => {
    const em = orm.em.fork();
    const party = em.create(Party, { name: 'Ada' });
    party.on('renamed', () => undefined);
    await em.persist(party).flush();
    em.assign(party, { name: 'Grace' });
    await em.flush();
    const expected = { id: party.id, name: 'Grace' };
    expect(JSON.parse(JSON.stringify(party))).toEqual(expected);
    expect(wrap(party).toObject()).toEqual(expected);
    expect(party.toPOJO()).toEqual(expected);
    expect(serialize(party)).toEqual(expected);
    expect(Object.keys(orm.getMetadata().get(Party).properties)).toEqual(['id', 'name']);
    expect(await rows('party')).toEqual(['Grace']);
  });

  it('is recorded as its columns where a broadcast without an event class brings it along', async () => {
    const em = orm.em.fork();
    const party = em.create(Party, { name: 'Ada' });
    await em.persist(party).flush();
    party.tell('greeted', party, 3);
    await bus.settled();
    const greeted = await store.read.ofType('greeted').first();
    expect(greeted?.data).toEqual({ args: [{ id: party.id, name: 'Ada' }, 3] });
  });
});

describe('an in-transaction handler of a broadcast', () => {
  it('runs before the commit, once the event is stored, and its rows commit with it', async () => {
    const seen: unknown[] = [];
    inTransaction(async ({ data, version }) => {
      seen.push([data.name, version, await store.read.stream('Names').count(), await rows('names')]);
      await noteName(data.name);
    });
    await orm.em.fork().transactional(async () => {
      new Party().rename('Ada');
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual([['Ada', 0, 1, []]]);
    expect(await rows('names')).toEqual(['Ada']);
  });

  it('vetoes the commit by throwing: rows, event and its own rows vanish', async () => {
    inTransaction(async ({ data }) => {
      await noteName(data.name);
      throw new Error('taken');
    });
    const work = orm.em.fork().transactional(async (em) => {
      em.persist(em.create(Party, { name: 'Ada' }));
      new Party().rename('Ada');
    });
    await expect(work).rejects.toMatchObject({
      code: 'handler_failed',
      cause: expect.objectContaining({ message: 'taken' }),
    });
    expect([await types(), await rows('party'), await rows('names')]).toEqual([[], [], []]);
    expect(failures).toEqual([]);
  });

  it('vetoes em.commit() too, and leaves the transaction to em.rollback()', async () => {
    inTransaction(() => Promise.reject(new Error('taken')));
    await RequestContext.create(orm.em, async () => {
      await orm.em.begin();
      new Party().rename('Ada');
      await expect(orm.em.commit()).rejects.toMatchObject({ code: 'handler_failed' });
      await orm.em.rollback();
    });
    expect(await types()).toEqual([]);
  });

  it('vetoes an implicit flush from which an entity callback broadcasts, its own rows included', async () => {
    inTransaction(({ data }) => noteName(data.name));
    inTransaction(() => Promise.reject(new Error('taken')));
    const em = orm.em.fork();
    const flushing = em.persist(em.create(Party, { name: 'Ada' })).flush();
    await expect(flushing).rejects.toMatchObject({ code: 'handler_failed' });
    expect([await types(), await rows('party'), await rows('names')]).toEqual([[], [], []]);
  });

  it('sees the rows of an implicit flush from which an entity callback broadcasts', async () => {
    const seen: unknown[] = [];
    inTransaction(async () => seen.push((await orm.em.findAll(Party)).map((party) => party.name)));
    const em = orm.em.fork();
    await em.persist(em.create(Party, { name: 'Ada' })).flush();
    expect(seen).toEqual([['Ada']]);
  });

  it('runs for released savepoints and never for what one has rolled back', async () => {
    inTransaction(({ data }) => noteName(data.name));
    await orm.em.fork().transactional(async (em) => {
      await em.transactional(async () => void new Party().rename('kept'));
      const undone = em.transactional(async () => {
        new Party().rename('undone');
        throw new Error('undo');
      });
      await expect(undone).rejects.toThrow('undo');
    });
    expect(await rows('names')).toEqual(['kept']);
    expect(await types()).toEqual(['Renamed']);
  });

  it('may publish, broadcast and open savepoints; all commits together and is heard afterwards', async () => {
    const heard: string[] = [];
    subscriptions.push(store.subscribeToAll((event) => void heard.push(event.type)));
    inTransaction(async ({ data }) => {
      if (data.name !== 'first') return;
      await store.publish(new Followed({ name: data.name }));
      new Party().rename('second');
      await orm.em.transactional(async (em) => void em.persist(em.create(Party, { name: 'Ada' })));
      expect(heard).toEqual([]);
    });
    await orm.em.fork().transactional(async () => void new Party().rename('first'));
    const expected = ['Renamed', 'Followed', 'Renamed', 'PartyCreated'];
    expect(heard).toEqual(expected);
    expect(await types()).toEqual(expected);
    expect(await rows('party')).toEqual(['Ada']);
  });

  it('fails the commit when it swallows the error of a statement, for the server would roll back in silence', async () => {
    const heard: unknown[] = [];
    subscriptions.push(store.subscribe((event: Renamed) => void heard.push(event), { to: [Renamed] }));
    inTransaction(() => orm.em.execute('select 1 / 0').catch(() => undefined));
    const work = orm.em.fork().transactional(async () => void new Party().rename('Ada'));
    await expect(work).rejects.toThrow(/aborted/);
    expect(heard).toEqual([]);
    expect(await types()).toEqual([]);
  });
});

describe('a broadcast outside any transaction', () => {
  it('keeps its place beside others whose handlers need a transaction', async () => {
    inTransaction(({ data }) => noteName(data.name));
    const party = new Party();
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
    for (const name of names) party.tell(`before_${name}`).rename(name);
    await bus.settled();
    expect(await types()).toEqual(names.flatMap((name) => [`before_${name}`, 'Renamed']));
    expect(await rows('names')).toEqual(names);
  });

  it('joins no transaction that its request opens later, and so survives its rollback', async () => {
    let validate = (): void => undefined;
    validated = new Promise((resolve) => (validate = resolve));
    await RequestContext.create(orm.em, async () => {
      new Party().tell('checked_slowly', { name: 'Ada' });
      await orm.em.begin();
      validate();
      await bus.settled();
      await orm.em.rollback();
    });
    expect(await types()).toEqual(['CheckedSlowly']);
  });

  it('is recorded once and in order when the server was away for a while', async () => {
    const server = await startOwnPostgres();
    const own = await open(server.url);
    const away = new EventStore({ log: mikroOrmLog(own) });
    await away.migrate();
    const radio = createBus();
    const errors: unknown[] = [];
    radio.onError((error) => errors.push(error));
    radio.connect(away);
    const station = radio.publisher({});
    const names = Array.from({ length: 150 }, (_, index) => `song_${index}`);
    for (const name of names.slice(0, 50)) station.broadcast(name);
    await server.kill();
    for (const name of names.slice(50)) station.broadcast(name);
    await server.restart('immediate');
    await radio.settled();
    expect((await away.read.toArray()).map((event) => event.type)).toEqual(names);
    expect(errors).toEqual([]);
    await away.close();
    await own.close(true);
  });
});
