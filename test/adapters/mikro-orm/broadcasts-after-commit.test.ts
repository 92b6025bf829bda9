import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BaseEntity, OptionalProps, RequestContext } from '@mikro-orm/core';
import {
  AfterCreate,
  AfterUpdate,
  Entity,
  PrimaryKey,
  Property,
  ReflectMetadataProvider,
} from '@mikro-orm/decorators/legacy';
import { MikroORM } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { createBus } from 'handover/legacy';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

const later = { deliver: 'after-commit' } as const;
const bus = createBus();

@Entity()
class Band extends bus.Publisher(BaseEntity) {
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
    this.broadcast('band_created', { name: this.name });
  }

  @AfterUpdate()
  updated(): void {
    this.broadcast('band_updated', { name: this.name });
  }
}

class Renamed extends defineEvent<{ name: string }>('Renamed') {}
class BandCreated extends defineEvent<{ name: string }>('BandCreated') {}

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;
let disconnect: () => void;
const failures: unknown[] = [];

beforeAll(async () => {
  database = await createDatabase();
  orm = await MikroORM.init({
    entities: [Band],
    metadataProvider: ReflectMetadataProvider,
    clientUrl: database.url,
    ...ignoreHandoverSchema(),
  });
  store = new EventStore({ log: mikroOrmLog(orm) });
  await store.migrate();
  await orm.schema.create();
  bus.onError((error) => failures.push(error));
  store.onError((error) => failures.push(error));
  connect();
});

afterEach(async () => {
  await bus.settled();
  bus.clear();
  failures.length = 0;
  const tables = ['streams', 'events', 'links', 'outbox', 'log'].map((table) => `handover.${table}`);
  await orm.em.fork().execute(`truncate band, ${tables.join(', ')}`);
});

afterAll(async () => {
  await store.close();
  await orm.close(true);
  await database.drop();
});

function connect(unmapped?: 'ignore'): void {
  const events = { renamed: { event: Renamed, stream: () => 'Names' }, band_created: BandCreated };
  disconnect = bus.connect(store, { events, unmapped });
}

async function bands(): Promise<readonly string[]> {
  const found = await orm.em.fork().execute<{ name: string }[]>('select name from band order by id');
  return found.map(({ name }) => name);
}

async function types(): Promise<readonly string[]> {
  return (await store.read.toArray()).map(({ type }) => type);
}

/** Notes what is heard, and what another connection sees of the database then. */
function ear() {
  const heard: string[] = [];
  const seen: Promise<readonly string[]>[] = [];
  const inTransaction = new Set<boolean>();
  const note = ({ name }: { name: string }) => {
    heard.push(name);
    seen.push(bands());
    inTransaction.add(orm.em.isInTransaction());
  };
  return { heard, seen, inTransaction, listener: { renamed: note, band_created: note, band_updated: note } };
}

const undone = () => Promise.reject(new Error('undo'));

describe('a listener after the commit', () => {
  it('hears once the outermost transaction has committed, in order, when others see its rows', async () => {
    const { heard, seen, listener } = ear();
    bus.subscribe(listener, later);
    await orm.em.fork().transactional(async (em) => {
      em.persist(em.create(Band, { name: 'Ada' }));
      // Its flush writes what the transaction around it has persisted so far.
      await em.transactional(async () => void new Band().rename('inner'));
      new Band().rename('outer');
      await em.flush();
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual(['inner', 'Ada', 'outer']);
    expect(await Promise.all(seen)).toEqual([['Ada'], ['Ada'], ['Ada']]);
  });

  it('hears nothing of a transaction that rolled back, also in the hands of em.begin()', async () => {
    const { heard, listener } = ear();
    bus.subscribe(listener, later);
    const work = orm.em.fork().transactional(async () => {
      new Band().rename('a');
      return undone();
    });
    await expect(work).rejects.toThrow('undo');
    await RequestContext.create(orm.em, async () => {
      await orm.em.begin();
      new Band().rename('b');
      await orm.em.rollback();
      await orm.em.begin();
      new Band().rename('c');
      await orm.em.commit();
    });
    expect(heard).toEqual(['c']);
    expect(bus.phantoms).toEqual([]);
  });

  it('hears nothing of a savepoint that rolled back in a transaction that commits', async () => {
    const { heard, listener } = ear();
    bus.subscribe(listener, later);
    await orm.em.fork().transactional(async (em) => {
      new Band().rename('before');
      const work = em.transactional(async (inner) => {
        inner.persist(inner.create(Band, { name: 'Ada' }));
        await inner.flush();
        await inner.transactional(async () => void new Band().rename('released within'));
        return undone();
      });
      await expect(work).rejects.toThrow('undo');
      new Band().rename('after');
    });
    expect(heard).toEqual(['before', 'after']);
    expect(await types()).toEqual(['Renamed', 'Renamed']);
  });

  it('hears what entity callbacks broadcast in an implicit flush, and nothing of one that the database refused', async () => {
    const { heard, seen, listener } = ear();
    bus.subscribe(listener, later);
    const em = orm.em.fork();
    const band = em.create(Band, { name: 'Ada' });
    await em.persist(band).flush();
    band.name = 'Grace';
    await em.flush();
    expect(heard).toEqual(['Ada', 'Grace']);
    expect(await Promise.all(seen)).toEqual([['Ada'], ['Grace']]);
    const other = orm.em.fork();
    other.persist(other.create(Band, { name: 'Barbara' }));
    other.persist(other.create(Band, { id: band.id, name: 'twice' }));
    await expect(other.flush()).rejects.toThrow(/unique/);
    expect(heard).toEqual(['Ada', 'Grace']);
  });

  it('hears nothing when the server turns the commit of an aborted transaction into a rollback', async () => {
    disconnect();
    connect('ignore');
    const { heard, listener } = ear();
    bus.subscribe(listener, later);
    const aborted = (event: string) =>
      orm.em.fork().transactional(async (em) => {
        new Band().tell(event, { name: event });
        await em.execute('select 1 / 0').catch(() => undefined);
      });
    await expect(aborted('renamed')).rejects.toThrow(/aborted/);
    await expect(aborted('band_updated')).rejects.toThrow(/aborted/);
    expect(heard).toEqual([]);
    disconnect();
    connect();
  });

  it('follows the transaction with what is not recorded, that of its entity too', async () => {
    disconnect();
    connect('ignore');
    const { heard, inTransaction, listener } = ear();
    bus.subscribe(listener, later);
    const em = orm.em.fork();
    const band = em.create(Band, { name: 'Ada' });
    await em.persist(band).flush();
    await em.begin();
    band.name = 'Grace';
    await em.flush();
    expect(heard).toEqual(['Ada']);
    await em.rollback();
    await em.begin();
    band.tell('band_updated', { name: 'Barbara' });
    expect(heard).toEqual(['Ada']);
    await em.commit();
    await em.transactional(async () => {
      band.tell('band_updated', { name: 'Cleo' });
      expect(heard).toEqual(['Ada', 'Barbara']);
    });
    expect(heard).toEqual(['Ada', 'Barbara', 'Cleo']);
    expect([...inTransaction]).toEqual([false]);
    expect(await types()).toEqual(['BandCreated']);
    disconnect();
    connect();
  });

  it('reaches no transaction that is over: it reads, writes and broadcasts on its own', async () => {
    const written: Promise<unknown>[] = [];
    bus.subscribe(
      {
        renamed: ({ name }: { name: string }, band: Band) => {
          expect(orm.em.isInTransaction()).toBe(false);
          band.tell('told', { name });
          written.push(
            orm.em.transactional(async (em) => {
              em.persist(em.create(Band, { name: `${name} too` }));
              await em.flush();
            }),
          );
        },
      },
      {
        ...later,
        broadcaster: {
          broadcast: (listener, band, method, ...args) => call(listener, method, ...args, band),
        },
      },
    );
    const em = orm.em.fork();
    await em.transactional(async (inner) => {
      const band = inner.create(Band, { name: 'Ada' });
      await inner.persist(band).flush();
      band.rename('Grace');
    });
    await Promise.all(written);
    await bus.settled();
    expect(await bands()).toEqual(['Ada', 'Grace too']);
    expect((await types()).toSorted()).toEqual(['BandCreated', 'BandCreated', 'Renamed', 'told']);
    expect(failures).toEqual([]);
  });

  it('disturbs no commit and nobody else by throwing', async () => {
    const { heard, listener } = ear();
    const renamed = () => {
      throw new Error('down');
    };
    bus.subscribe({ renamed }, later).subscribe(listener, later);
    await orm.em.fork().transactional(async (em) => {
      em.persist(em.create(Band, { name: 'Ada' }));
      new Band().rename('a').rename('b');
    });
    expect(heard).toEqual(['a', 'b', 'Ada']);
    expect(await bands()).toEqual(['Ada']);
    const told = expect.objectContaining({ code: 'listener_failed', eventName: 'renamed' });
    expect(failures).toEqual([told, told]);
  });

  it('hears outside any transaction what others can read by then, and store.close() waits for it', async () => {
    const own = new EventStore({ log: mikroOrmLog(orm) });
    const radio = createBus();
    const heard: string[] = [];
    const counted: number[] = [];
    const song = async (title: string) => {
      heard.push(title);
      counted.push(await store.read.count());
    };
    radio.subscribe({ song }, later);
    radio.connect(own);
    const station = radio.publisher({});
    station.broadcast('song', 'a').broadcast('song', 'b');
    expect(heard).toEqual([]);
    await own.close();
    expect(heard).toEqual(['a', 'b']);
    expect(counted).toEqual([2, 2]);
  });
});

describe('a pair whose listener waits for the commit', () => {
  it('holds to the side that was decided at the broadcast when the stage moves before the commit', async () => {
    const own = new EventStore({ log: mikroOrmLog(orm) });
    const radio = createBus();
    const performed: string[] = [];
    const listener = { renamed: ({ name }: { name: string }) => void performed.push(`listener ${name}`) };
    const pair = radio.pair('names', {
      event: Renamed,
      listener: [listener, 'renamed'],
      handler: ({ data }: Renamed) => void performed.push(`handler ${data.name}`),
      stage: 'record',
    });
    radio.subscribe(listener, later);
    radio.connect(own, { events: { renamed: { event: Renamed, stream: () => 'Names' } } });
    const singer = radio.publisher({});
    const move = { override: true, why: 'test' };
    await orm.em.fork().transactional(async () => {
      singer.broadcast('renamed', { name: 'a' });
      await pair.promote(move);
      await pair.promote({ ...move, percent: 100 });
      singer.broadcast('renamed', { name: 'b' });
      expect(pair.stage).toBe('live');
      await pair.demote({ to: 'record', why: 'test' });
    });
    await radio.settled();
    expect(performed).toEqual(['listener a', 'handler b']);
    await own.close();
  });
});

function call(listener: object, method: string, ...args: unknown[]): unknown {
  const found: unknown = Reflect.get(listener, method);
  return typeof found === 'function' ? Reflect.apply(found, listener, args) : undefined;
}
