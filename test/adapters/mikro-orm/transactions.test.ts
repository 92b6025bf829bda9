import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connectionsOf } from '../../../adapters/mikro-orm/transactions/connections.js';
import { homeOf } from '../../../adapters/mikro-orm/transactions/home.js';
import { RequestContext, TransactionPropagation } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/core';
import { MikroORM as PgliteORM } from '@mikro-orm/pglite';
import { MikroORM } from '@mikro-orm/postgresql';
import type { Options } from '@mikro-orm/postgresql';
import * as fc from 'fast-check';
import type { Pool } from 'pg';
import { defineEvent, EventStore, memoryLog } from 'handover';
import type { EventLog, PublishOptions, TransactionEntry } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { cuttingProxy } from '../../support/cutting-proxy.js';
import { Catalog, CatalogItem, ReflectMetadataProvider } from '../../support/entities.js';
import { createDatabase } from '../../support/postgres.js';
import type { TestDatabase } from '../../support/postgres.js';

class Noted extends defineEvent<{ note: string }>('Noted') {}

/** One application process: its ORM, its store, and what its after-commit handler heard. */
interface Application {
  readonly orm: MikroORM;
  readonly store: EventStore;
  readonly log: EventLog;
  readonly heard: string[];
  /** SQL that went over the wire, in order. */
  readonly sent: string[];
}

const tables = ['streams', 'events', 'links', 'outbox', 'log'];
const emptyLog = `truncate ${tables.map((table) => `handover.${table}`).join(', ')}`;

let database: TestDatabase;
let app: Application;

beforeAll(async () => {
  database = await createDatabase();
  app = await start({ clientUrl: database.url });
  await app.orm.schema.create();
  await app.store.migrate();
  await app.orm.em.execute(
    'create table strict (id int primary key, other int, foreign key (other) references strict deferrable initially deferred)',
  );
});

afterAll(async () => {
  await app.orm.close(true);
  await database.drop();
});

afterEach(async () => {
  app.heard.length = 0;
  CatalogItem.listeners.clear();
  await app.orm.em.fork().execute(`truncate catalog, catalog_item cascade; ${emptyLog}`);
});

async function start(options: Options, attach = true): Promise<Application> {
  const sent: string[] = [];
  const orm = await MikroORM.init({
    entities: [Catalog, CatalogItem],
    metadataProvider: ReflectMetadataProvider,
    driverOptions: { onPoolCreated: (pool: Pool) => spyOn(pool, sent) },
    ...ignoreHandoverSchema(ignoreHandoverSchema(options), 'other'),
  });
  const log = attach ? mikroOrmLog(orm, { maxEventsPerTransaction: 100 }) : memoryLog();
  const store = new EventStore({ log, events: [Noted] });
  const heard: string[] = [];
  store.subscribe((event: Noted) => void heard.push(event.data.note), { to: [Noted] });
  return { orm, store, log, heard, sent };
}

function spyOn(pool: Pool, sent: string[]): void {
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    Object.assign(client, {
      query: (...args: unknown[]) => {
        const [statement] = args as [string | { readonly text: string }];
        sent.push(typeof statement === 'string' ? statement : statement.text);
        return query(...args);
      },
    });
  });
}

async function stored(store: EventStore = app.store): Promise<readonly string[]> {
  const events = await store.read.ofType(Noted).toArray();
  return events.map((event) => event.data.note);
}

async function items(): Promise<readonly string[]> {
  const rows = await app.orm.em
    .fork()
    .execute<{ name: string }[]>('select name from catalog_item order by id');
  return rows.map((row) => row.name);
}

const note = (text: string, options?: PublishOptions) =>
  app.store.publish(new Noted({ note: text }), options);

/** As a synchronous broadcast does: into the publisher's transaction, the one around, or none. */
function broadcast(text: string, publisher?: object): boolean {
  const publication = app.store.recording.prepare(new Noted({ note: text }));
  if (publication instanceof Promise) throw new Error('Noted has no asynchronous schema.');
  return app.store.recording.enlist(publication, publisher);
}

function addItem(em: EntityManager, name: string): CatalogItem {
  const item = em.create(CatalogItem, { name, amount: 1 });
  em.persist(item);
  return item;
}

/** What the store does inside, with callbacks of one's own. */
function addEntry(
  { store, log }: Application,
  em: EntityManager,
  text: string,
  told: Partial<TransactionEntry>,
): void {
  const publication = store.recording.prepare(new Noted({ note: text }));
  if (publication instanceof Promise) throw new Error('Noted has no asynchronous schema.');
  log.transactions?.current({ em })?.add({
    append: publication.append,
    written: () => undefined,
    committed: () => undefined,
    rolledBack: () => undefined,
    ...told,
  });
}

class Undo extends Error {}

/** Runs `work` and expects it to end in `Undo`. */
async function undone(work: Promise<unknown>): Promise<void> {
  await expect(work).rejects.toThrow(Undo);
}

describe('an event published inside a transaction', () => {
  it('commits with em.transactional, and is heard afterwards only', async () => {
    await app.orm.em.fork().transactional(async (em) => {
      addItem(em, 'lamp');
      await note('inside');
      expect(app.heard).toEqual([]);
      expect(await stored()).toEqual(['inside']);
      expect(await app.log.transactions?.outside(() => stored())).toEqual([]);
    });

    expect(await stored()).toEqual(['inside']);
    expect(app.heard).toEqual(['inside']);
  });

  it('vanishes with em.transactional, unheard', async () => {
    await undone(
      app.orm.em.fork().transactional(async () => {
        await note('inside');
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual([]);
    expect(app.heard).toEqual([]);
  });

  it('is written by one statement together with all others, right before COMMIT', async () => {
    app.sent.length = 0;

    await app.orm.em.fork().transactional(async (em) => {
      await note('one');
      addItem(em, 'lamp');
      await note('two');
    });

    expect(app.sent.map(firstWords)).toEqual([
      'begin',
      'insert into "catalog_item"',
      'select "handover".append_each($1::json)::text as',
      'commit',
    ]);
  });

  it.each(['commit', 'rollback'] as const)('follows em.begin to its %s', async (end) => {
    const em = app.orm.em.fork();
    await em.begin();
    await note('inside', { em });
    await em[end]();

    expect(await stored()).toEqual(end === 'commit' ? ['inside'] : []);
    expect(app.heard).toEqual(end === 'commit' ? ['inside'] : []);
  });

  it('finds the transaction that em.begin opened on the entity manager of the request', async () => {
    await RequestContext.create(app.orm.em, async () => {
      await app.orm.em.begin();
      await note('inside');
      await app.orm.em.rollback();
    });

    expect(await stored()).toEqual([]);
  });

  it('finds the transaction when it is published through the global entity manager', async () => {
    await undone(
      app.orm.em.fork().transactional(async () => {
        await note('inside', { em: app.orm.em });
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual([]);
  });

  it('is seen in transactions of forks with an event manager of their own', async () => {
    const fresh = () => app.orm.em.fork({ freshEventManager: true });
    await fresh().transactional(async () => void (await note('kept')));
    await undone(
      fresh().transactional(async () => {
        await note('dropped');
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual(['kept']);
    expect(app.heard).toEqual(['kept']);
  });

  it('is seen in transactions that the connection opens', async () => {
    const connection = app.orm.em.getConnection();
    await connection.transactional(async () => void (await note('kept')));
    await undone(
      connection.transactional(async () => {
        await note('dropped');
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual(['kept']);
  });

  it('is refused beyond the limit of the transaction', async () => {
    await app.orm.em.fork().transactional(async () => {
      for (let count = 0; count < 100; count += 1) await note(String(count));
      await expect(note('too much')).rejects.toMatchObject({ code: 'transaction_too_large' });
    });

    expect(await stored()).toHaveLength(100);
  });

  it('keeps to its own of twenty concurrent transactions', async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => index);

    await Promise.allSettled(
      numbers.map((number) =>
        app.orm.em.fork().transactional(async (em) => {
          await note(`${number}a`);
          await em.execute('select pg_sleep(0.01)');
          await em.transactional(async () => void (await note(`${number}b`)));
          if (number % 2 === 1) throw new Undo();
        }),
      ),
    );

    const expected = numbers
      .filter((number) => number % 2 === 0)
      .flatMap((number) => [`${number}a`, `${number}b`]);
    expect((await stored()).toSorted()).toEqual(expected.toSorted());
    expect(app.heard.toSorted()).toEqual(expected.toSorted());
  });
});

describe('an event published in a hook', () => {
  it.each(['beforeCreate', 'afterCreate'] as const)(
    'joins the implicit flush in %s of a new entity',
    async (moment) => {
      const joined: boolean[] = [];
      CatalogItem.listeners.add((now, item) => {
        if (now === moment) joined.push(broadcast(moment, item));
      });
      const em = app.orm.em.fork();
      addItem(em, 'lamp');
      await em.flush();

      expect(joined).toEqual([true]);
      expect(await stored()).toEqual([moment]);
      expect(app.heard).toEqual([moment]);
    },
  );

  it('vanishes with an implicit flush that fails', async () => {
    CatalogItem.listeners.add((moment, item) => void broadcast(moment, item));
    const em = app.orm.em.fork();
    addItem(em, 'lamp').id = 1;
    await em.flush();
    const other = app.orm.em.fork();
    addItem(other, 'first');
    addItem(other, 'twin').id = 1;

    await expect(other.flush()).rejects.toThrow(/duplicate key/);

    expect(await stored()).toEqual(['beforeCreate', 'afterCreate']);
    expect(app.heard).toEqual(['beforeCreate', 'afterCreate']);
  });

  it.each(['beforeUpdate', 'afterUpdate'] as const)('joins in %s of a managed entity', async (moment) => {
    const em = app.orm.em.fork();
    const item = addItem(em, 'lamp');
    await em.flush();
    CatalogItem.listeners.add((now, updated) => {
      if (now === moment) broadcast(moment, updated);
    });
    item.amount = 7;
    await em.flush();

    expect(await stored()).toEqual([moment]);
  });

  it('joins the flush that runs inside em.transactional, and vanishes with it', async () => {
    CatalogItem.listeners.add((moment, item) => void broadcast(moment, item));

    await undone(
      app.orm.em.fork().transactional(async (em) => {
        addItem(em, 'lamp');
        await em.flush();
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual([]);
    expect(app.heard).toEqual([]);
  });

  it('is still written when a subscriber publishes it right before COMMIT', async () => {
    const em = app.orm.em.fork({ cloneEventManager: true });
    em.getEventManager().registerSubscriber({
      beforeTransactionCommit: async () => void (await note('late')),
    });
    addItem(em, 'lamp');
    await em.flush();

    expect(await stored()).toEqual(['late']);
    expect(app.heard).toEqual(['late']);
  });

  it('joins when a subscriber publishes it right after BEGIN', async () => {
    const em = app.orm.em.fork({ cloneEventManager: true });
    em.getEventManager().registerSubscriber({
      afterTransactionStart: async () => void (await note('early')),
    });

    await undone(em.transactional(() => Promise.reject(new Undo())));

    expect(await stored()).toEqual([]);
  });

  it('keeps to a transaction that the hook opens itself', async () => {
    const em = app.orm.em.fork({ cloneEventManager: true });
    em.getEventManager().registerSubscriber({
      afterCreate: async () => {
        await app.orm.em.fork().transactional(async () => void (await note('own')));
        throw new Undo();
      },
    });
    addItem(em, 'lamp');
    await undone(em.flush());

    expect(await stored()).toEqual(['own']);
    expect(app.heard).toEqual(['own']);
  });

  it('is outside when a subscriber publishes it after COMMIT', async () => {
    const em = app.orm.em.fork({ cloneEventManager: true });
    em.getEventManager().registerSubscriber({
      afterTransactionCommit: async (args) => void (await note('after', { em: args.em })),
    });
    await em.transactional(async () => {});

    expect(await stored()).toEqual(['after']);
  });
});

describe('savepoints', () => {
  it('drop what was published in them when they roll back, and keep everything around', async () => {
    await app.orm.em.fork().transactional(async (em) => {
      await note('before');
      await undone(
        em.transactional(async () => {
          await note('dropped');
          throw new Undo();
        }),
      );
      await em.transactional(async () => void (await note('released')));
      expect(app.heard).toEqual([]);
      await note('after');
    });

    expect(await stored()).toEqual(['before', 'released', 'after']);
    expect(app.heard).toEqual(['before', 'released', 'after']);
  });

  it('vanish with the transaction around them although they were released', async () => {
    await undone(
      app.orm.em.fork().transactional(async (em) => {
        await em.transactional(async () => void (await note('released')));
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual([]);
    expect(app.heard).toEqual([]);
  });

  it('hold what is published within them through the entity manager of the transaction around', async () => {
    await app.orm.em.fork().transactional(async (outer) => {
      await undone(
        outer.transactional(async () => {
          await note('dropped', { em: outer });
          throw new Undo();
        }),
      );
    });

    expect(await stored()).toEqual([]);
  });

  it('leave their entity manager in the transaction around once they are released', async () => {
    await undone(
      app.orm.em.fork().transactional(async (outer) => {
        const inner = await outer.transactional(async (em) => em);
        await note('later', { em: inner });
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual([]);
  });

  type Step =
    | string
    | { readonly nested: readonly Step[]; readonly commits: boolean; readonly writes: boolean };

  const program = fc.letrec<{ step: Step; steps: Step[] }>((tie) => ({
    step: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constant('note'),
      fc.record({ nested: tie('steps'), commits: fc.boolean(), writes: fc.boolean() }),
    ),
    steps: fc.array(tie('step'), { maxLength: 4 }),
  })).steps;

  it('leave exactly what the tree of commits and rollbacks says, heard in that order', async () => {
    await fc.assert(
      fc.asyncProperty(program, fc.boolean(), async (steps, commits) => {
        app.heard.length = 0;
        await app.orm.em.fork().execute(emptyLog);
        let count = 0;

        const run = async (em: EntityManager, body: readonly Step[]): Promise<string[]> => {
          const kept: string[] = [];
          for (const step of body) {
            if (typeof step === 'string') {
              const text = String((count += 1));
              await note(text);
              kept.push(text);
              continue;
            }
            let within: string[] = [];
            const work = em.transactional(async (inner) => {
              within = await run(inner, step.nested);
              if (step.writes) await app.log.transactions?.current()?.flush();
              if (!step.commits) throw new Undo();
            });
            if (!step.commits) await undone(work);
            else kept.push(...(await work, within));
          }
          return kept;
        };

        let kept: string[] = [];
        const work = app.orm.em.fork().transactional(async (em) => {
          kept = await run(em, steps);
          if (!commits) throw new Undo();
        });
        if (!commits) await undone(work);
        else await work;

        expect(await stored()).toEqual(commits ? kept : []);
        expect(app.heard).toEqual(commits ? kept : []);
      }),
      { numRuns: 60 },
    );
  });

  it('roll back alone when something in them was doomed', async () => {
    await app.orm.em.fork().transactional(async (em) => {
      await note('around');
      await undone(
        em.transactional(async () => {
          await note('doomed');
          app.log.transactions?.current()?.doom(new Undo());
        }),
      );
    });

    expect(await stored()).toEqual(['around']);
  });
});

describe('propagation', () => {
  const { REQUIRED, MANDATORY, SUPPORTS, REQUIRES_NEW, NOT_SUPPORTED, NEVER } = TransactionPropagation;

  it.each([REQUIRED, MANDATORY, SUPPORTS])(
    '%s shares the fate of the transaction around',
    async (propagation) => {
      await undone(
        app.orm.em.fork().transactional(async (em) => {
          await em.transactional(async () => void (await note('inside')), { propagation });
          throw new Undo();
        }),
      );

      expect(await stored()).toEqual([]);
      expect(app.heard).toEqual([]);
    },
  );

  it('requires_new survives the rollback of the transaction around', async () => {
    await undone(
      app.orm.em.fork().transactional(async (em) => {
        await note('around');
        await em.transactional(
          async (own) => {
            await note('own');
            await note('own by handle', { em: own });
          },
          { propagation: REQUIRES_NEW },
        );
        expect(app.heard).toEqual(['own', 'own by handle']);
        await note('around again');
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual(['own', 'own by handle']);
  });

  it('requires_new may roll back within a transaction that commits', async () => {
    await app.orm.em.fork().transactional(async (em) => {
      await undone(
        em.transactional(
          async () => {
            await note('own');
            throw new Undo();
          },
          { propagation: REQUIRES_NEW },
        ),
      );
      await note('around');
    });

    expect(await stored()).toEqual(['around']);
  });

  it('not_supported publishes outside, but with its implicit flushes', async () => {
    CatalogItem.listeners.add((moment, item) => {
      if (moment === 'afterCreate') broadcast('flushed', item);
    });
    await undone(
      app.orm.em.fork().transactional(async (em) => {
        await em.transactional(
          async (suspended) => {
            await note('outside');
            expect(app.heard).toEqual(['outside']);
            addItem(suspended, 'lamp');
            await suspended.flush();
          },
          { propagation: NOT_SUPPORTED },
        );
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual(['outside', 'flushed']);
    expect(await items()).toEqual(['lamp']);
  });

  it('never rolls the transaction around back', async () => {
    const work = app.orm.em.fork().transactional(async (em) => {
      await note('around');
      await em.transactional(async () => void (await note('never')), { propagation: NEVER });
    });

    await expect(work).rejects.toThrow(/never/);
    expect(await stored()).toEqual([]);
  });

  it('supports publishes at once where there is no transaction', async () => {
    await app.orm.em.fork().transactional(
      async () => {
        await note('outside');
        expect(app.heard).toEqual(['outside']);
      },
      { propagation: SUPPORTS },
    );

    expect(await stored()).toEqual(['outside']);
  });
});

describe('the entity manager given to publish', () => {
  it('is refused when it is an outer fork without the transaction', async () => {
    const outer = app.orm.em.fork();
    await outer.transactional(async () => {
      await expect(note('stray', { em: outer })).rejects.toMatchObject({ code: 'transaction_mismatch' });
    });

    expect(await stored()).toEqual([]);
  });

  it('is refused when it belongs to another ORM', async () => {
    const other = await start({ clientUrl: database.url, contextName: 'other' }, false);
    await expect(note('stray', { em: other.orm.em.fork() })).rejects.toMatchObject({
      code: 'transaction_mismatch',
    });
    await other.orm.close(true);
  });

  it('is not looked for in transactions of another ORM, even one of the same name', async () => {
    const other = await start({ clientUrl: database.url }, false);
    await undone(
      other.orm.em.transactional(async () => {
        await note('outside');
        throw new Undo();
      }),
    );
    await other.orm.close(true);

    expect(await stored()).toEqual(['outside']);
  });

  it('publishes at once when no transaction is open anywhere', async () => {
    await note('plain', { em: app.orm.em.fork() });

    expect(await stored()).toEqual(['plain']);
  });

  it('brings its own transaction into that of another one', async () => {
    const own = app.orm.em.fork();
    await own.begin();
    await undone(
      app.orm.em.fork().transactional(async () => {
        await note('own', { em: own });
        throw new Undo();
      }),
    );
    await own.commit();

    expect(await stored()).toEqual(['own']);
  });
});

describe('a publisher that is an entity', () => {
  it('is followed into the transaction of its entity manager', async () => {
    const em = app.orm.em.fork();
    const item = addItem(em, 'lamp');
    await em.flush();
    await em.begin();
    expect(broadcast('changed', item)).toBe(true);
    await em.rollback();

    expect(await stored()).toEqual([]);
    expect(broadcast('changed', item)).toBe(false);
  });

  it('falls back to the transaction around when it is managed by none', async () => {
    await undone(
      app.orm.em.fork().transactional(async () => {
        expect(broadcast('changed', new CatalogItem())).toBe(true);
        expect(broadcast('changed', {})).toBe(true);
        throw new Undo();
      }),
    );

    expect(await stored()).toEqual([]);
  });
});

describe('after the commit', () => {
  it('a handler writes through a fresh entity manager, and user contexts stay', async () => {
    const user = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const unsubscribe = app.store.subscribe(
      async (event: Noted) => {
        seen.push(user.getStore(), app.orm.em.isInTransaction(), app.log.transactions?.current());
        addItem(app.orm.em, event.data.note);
        await app.orm.em.flush();
        throw new Error('The handler fails after its write.');
      },
      { to: [Noted] },
    );
    const failures: unknown[] = [];
    const silence = app.store.onError((error) => failures.push(error));

    await user.run('somebody', () =>
      RequestContext.create(app.orm.em, () =>
        app.orm.em.transactional(async () => void (await note('handled'))),
      ),
    );
    unsubscribe();
    silence();

    expect(seen).toEqual(['somebody', false, undefined]);
    expect(await items()).toEqual(['handled']);
    expect(failures).toMatchObject([{ code: 'handler_failed' }]);
  });

  it("a handler's entity manager has the filters of the request, not those of the transaction", async () => {
    const seen: unknown[] = [];
    const unsubscribe = app.store.subscribe(() => void seen.push(app.orm.em.getFilterParams('tenant')), {
      to: [Noted],
    });

    await RequestContext.create(app.orm.em, async () => {
      app.orm.em.setFilterParams('tenant', { id: 'request' });
      await app.orm.em.transactional(async (em) => {
        em.setFilterParams('tenant', { id: 'transaction' });
        await note('inside');
      });
    });
    unsubscribe();

    expect(seen).toEqual([{ id: 'request' }]);
  });

  it('the caller never hears what a callback throws', async () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const em = app.orm.em.fork();
    await em.begin();
    addEntry(app, em, 'broken', { committed: () => Promise.reject(new Error('after commit')) });

    await em.commit();

    expect(await stored()).toEqual(['broken']);
    expect(emitWarning.mock.calls).toEqual([[new Error('after commit')]]);
    emitWarning.mockRestore();
  });

  it('an error of another subscriber leaves the events committed and heard', async () => {
    const em = app.orm.em.fork({ cloneEventManager: true });
    em.getEventManager().registerSubscriber({ afterTransactionCommit: () => Promise.reject(new Undo()) });

    await undone(em.transactional(async () => void (await note('inside'))));

    expect(await stored()).toEqual(['inside']);
    expect(app.heard).toEqual(['inside']);
  });
});

describe('a transaction that the server aborted', () => {
  it.each(['waiting', 'written'] as const)(
    'is reported although the error was swallowed, event %s',
    async (when) => {
      const work = app.orm.em.fork().transactional(async (em) => {
        await note('inside');
        if (when === 'written') await app.log.transactions?.current()?.flush();
        await em.execute('select 1/0').catch(() => undefined);
      });

      await expect(work).rejects.toMatchObject({ code: '25P02' });
      expect(await stored()).toEqual([]);
      expect(app.heard).toEqual([]);
    },
  );

  it('passes on an error that COMMIT itself raises, and dispatches nothing', async () => {
    const work = app.orm.em.fork().transactional(async (em) => {
      await note('inside');
      await em.execute('insert into strict values (1, 2)');
    });

    await expect(work).rejects.toMatchObject({ code: '23503' });
    expect(await stored()).toEqual([]);
    expect(app.heard).toEqual([]);
  });
});

describe('a connection lost within a transaction', () => {
  it('costs the pool no place', async () => {
    const small = await start({ clientUrl: database.url, pool: { min: 0, max: 1 } });
    const publish = () => small.store.publish(new Noted({ note: 'again' }));
    const { joined } = connectionsOf(homeOf(small.orm));
    const { apart } = connectionsOf(homeOf(app.orm));
    const lose = async () => {
      await publish();
      const [row] = await joined<{ pid: number }>('select pg_backend_pid() as pid', []);
      await apart('select pg_terminate_backend($1, 5000)', [row?.pid]);
    };
    await expect(small.orm.em.fork().transactional(lose)).rejects.toThrow();
    await publish();
    expect(small.heard).toEqual(['again']);
    await small.orm.close(true);
  });
});

describe('a connection lost before BEGIN', () => {
  it('costs the pool no place either', async () => {
    let pool: Pool | undefined;
    const small = await start({
      clientUrl: database.url,
      pool: { min: 0, max: 1 },
      driverOptions: { onPoolCreated: (made: Pool) => (pool = made) },
    });
    await small.store.publish(new Noted({ note: 'once' }));
    const cut = (client: object) => Reflect.get(client, 'connection').stream.destroy();
    pool?.on('acquire', cut);
    await expect(small.orm.em.fork().transactional(async () => undefined)).rejects.toThrow(/terminated/);
    pool?.off('acquire', cut);
    await small.orm.em.fork().transactional(() => small.store.publish(new Noted({ note: 'again' })));
    expect(small.heard).toEqual(['once', 'again']);
    await small.orm.close(true);
  });
});

describe('a connection lost during COMMIT', () => {
  const ways = ['em.transactional', 'em.flush', 'em.commit'] as const;

  it.each(ways.flatMap((way) => [{ way, cut: 'unsent' } as const, { way, cut: 'unanswered' } as const]))(
    'tells the caller of $way that the outcome is unknown, COMMIT $cut',
    async ({ way, cut }) => {
      await using proxy = await cuttingProxy(database.url);
      const remote = await start({ clientUrl: proxy.url });
      const event = new Noted({ note: 'inside' });
      const publish = (em: EntityManager) => remote.store.publish(event, { em });

      const em = remote.orm.em.fork({ cloneEventManager: true });
      const work = {
        'em.transactional': () => em.transactional(async (inner) => void (await publish(inner))),
        'em.flush': async () => {
          em.getEventManager().registerSubscriber({
            beforeTransactionCommit: async (args) => void (await publish(args.em)),
          });
          addItem(em, 'lamp');
          await em.flush();
        },
        'em.commit': async () => {
          await em.begin();
          await publish(em);
          await em.commit();
        },
      }[way];
      proxy.cutNextCommit(cut);

      await expect(work()).rejects.toMatchObject({
        code: 'unknown_commit_outcome',
        eventIds: [event.id],
        cause: expect.any(Error),
      });
      expect(remote.heard).toEqual([]);
      expect(await stored()).toEqual(cut === 'unsent' ? [] : ['inside']);
    },
  );

  it('tells everybody who recorded in it that it did not commit', async () => {
    await using proxy = await cuttingProxy(database.url);
    const remote = await start({ clientUrl: proxy.url });
    const fates: string[] = [];
    const em = remote.orm.em.fork();
    await em.begin();
    addEntry(remote, em, 'inside', {
      committed: () => void fates.push('committed'),
      rolledBack: () => void fates.push('rolled back'),
    });
    proxy.cutNextCommit('unsent');

    await expect(em.commit()).rejects.toMatchObject({ code: 'unknown_commit_outcome' });
    expect(fates).toEqual(['rolled back']);
  });

  it('passes the error on unchanged when the transaction recorded nothing', async () => {
    await using proxy = await cuttingProxy(database.url);
    const remote = await start({ clientUrl: proxy.url });
    proxy.cutNextCommit('unsent');

    const work = remote.orm.em.fork().transactional(async (em) => void (await em.execute('select 1')));

    await expect(work).rejects.not.toMatchObject({ code: 'unknown_commit_outcome' });
  });
});

describe('a transaction that records nothing', () => {
  it('sends the same statements with the log and without it', async () => {
    const bare = await start({ clientUrl: database.url }, false);
    const withLog = await statementsOfSilentWork(app);
    const withoutLog = await statementsOfSilentWork(bare);
    await bare.orm.close(true);

    expect(withLog).toEqual(withoutLog);
    expect(withLog.length).toBeGreaterThan(12);
  });
});

describe('a transaction that the log opens', () => {
  it('is found by the global entity manager, and commits with the work', async () => {
    await app.log.transactions?.run(async (transaction) => {
      expect(app.log.transactions?.current()).toBe(transaction);
      addItem(app.orm.em, 'lamp');
      await note('inside');
    });

    expect(await stored()).toEqual(['inside']);
    expect(await items()).toEqual(['lamp']);
  });

  it('rolls back when the work rejects', async () => {
    await undone(
      Promise.resolve(
        app.log.transactions?.run(async () => {
          addItem(app.orm.em, 'lamp');
          await note('inside');
          await app.orm.em.flush();
          throw new Undo();
        }),
      ),
    );

    expect(await stored()).toEqual([]);
    expect(await items()).toEqual([]);
  });
});

describe('PGlite', () => {
  it('runs concurrent transactions one after the other, and reads within an open one', async () => {
    const orm = await PgliteORM.init({
      ...ignoreHandoverSchema(),
      dbName: 'memory://',
      entities: [Catalog, CatalogItem],
      metadataProvider: ReflectMetadataProvider,
    });
    const store = new EventStore({ log: mikroOrmLog(orm), events: [Noted] });
    await store.migrate();
    const heard: string[] = [];
    store.subscribe((event: Noted) => void heard.push(event.data.note), { to: [Noted] });

    const { apart } = connectionsOf(homeOf(orm));

    await Promise.allSettled(
      ['a', 'b', 'c'].map((text) =>
        orm.em.fork().transactional(async () => {
          await store.publish(new Noted({ note: text }));
          expect(await stored(store)).toContain(text);
          expect(await apart('select 1 as one', [])).toEqual([{ one: 1 }]);
          if (text === 'b') throw new Undo();
        }),
      ),
    );

    expect(await stored(store)).toEqual(['a', 'c']);
    expect(heard).toEqual(['a', 'c']);
    await orm.close(true);
  });
});

describe("MikroORM's schema update", () => {
  /** What the handlers of an application stored, in a database of its own, after `orm.schema.update()`. */
  async function afterUpdate(
    config: Options,
    schema: string,
    work: (app: Updated) => Promise<void>,
  ): Promise<void> {
    await using empty = await createDatabase();
    const orm = await MikroORM.init({
      clientUrl: empty.url,
      entities: [Catalog, CatalogItem],
      metadataProvider: ReflectMetadataProvider,
      ...config,
    });
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const log = mikroOrmLog(orm, { schema });
      mikroOrmLog(orm, { schema });
      const store = new EventStore({ log, events: [Noted] });
      await store.migrate();
      await store.publish(new Noted({ note: 'before' }), { stream: 'Order-1' });
      const failure = await orm.schema.update().then(
        () => undefined,
        (error: unknown) => error,
      );
      await work({ orm, store, failure, warnings: emitWarning.mock.calls });
    } finally {
      emitWarning.mockRestore();
      await orm.close(true);
    }
  }

  interface Updated {
    readonly orm: MikroORM;
    readonly store: EventStore;
    readonly failure: unknown;
    readonly warnings: readonly unknown[];
  }

  it.each(['handover', 'audit'])('leaves the event store in the schema %s as it is', async (schema) => {
    const config = { schemaGenerator: { ignoreSchema: ['bullmq'], createForeignKeyConstraints: false } };

    await afterUpdate(
      ignoreHandoverSchema(config, schema),
      schema,
      async ({ orm, store, failure, warnings }) => {
        expect(failure).toBeUndefined();
        await store.publish(new Noted({ note: 'after' }), { stream: 'Order-1' });
        expect(await stored(store)).toEqual(['before', 'after']);
        expect(warnings).toEqual([]);
        expect(orm.config.get('schemaGenerator')).toMatchObject({
          ignoreSchema: ['bullmq', schema],
          createForeignKeyConstraints: false,
        });
      },
    );
  });

  it('drops the event store without the guard, which is warned about once', async () => {
    await afterUpdate({}, 'handover', async ({ orm, warnings }) => {
      expect(await orm.em.execute("select to_regclass('handover.events') as events")).toEqual([
        { events: null },
      ]);
      expect(warnings).toEqual([
        [expect.stringContaining('ignoreHandoverSchema()'), { code: 'HANDOVER_SCHEMA_UNGUARDED' }],
      ]);
    });
  });
});

describe('several logs on one ORM', () => {
  it('share on one schema what a transaction has recorded, written by one statement', async () => {
    const second = new EventStore({ log: mikroOrmLog(app.orm), events: [Noted] });
    app.sent.length = 0;
    await app.orm.em.fork().transactional(async () => {
      await note('first');
      await second.publish(new Noted({ note: 'second' }));
    });

    expect(app.sent).toHaveLength(3);
    expect(await stored(second)).toEqual(['first', 'second']);
    expect(app.heard).toEqual(['first']);
  });

  it('commit together on two schemas', async () => {
    const other = new EventStore({ log: mikroOrmLog(app.orm, { schema: 'other' }), events: [Noted] });
    await other.migrate();
    const publish = async () => {
      await note('one');
      await other.publish(new Noted({ note: 'other' }));
    };
    await undone(
      app.orm.em.fork().transactional(async () => {
        await publish();
        throw new Undo();
      }),
    );
    await app.orm.em.fork().transactional(publish);

    expect(await stored()).toEqual(['one']);
    expect(await stored(other)).toEqual(['other']);
  });

  it('take no ORM of another database, and no limit that is none', () => {
    const elsewhere = { em: { getDriver: () => ({ getConnection: () => ({}) }), getPlatform: () => ({}) } };

    expect(() => mikroOrmLog(elsewhere as unknown as MikroORM)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', argument: 'orm' }),
    );
    expect(() => mikroOrmLog(app.orm, { maxEventsPerTransaction: 0 })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', argument: 'maxEventsPerTransaction' }),
    );
  });
});

/** Every way to end a transaction or savepoint, and what it sends. */
async function statementsOfSilentWork({ orm, sent }: Application): Promise<readonly string[]> {
  const em = orm.em.fork();
  await em.execute('select 1');
  sent.length = 0;
  const item = addItem(em, 'lamp');
  await em.flush();
  item.amount = 3;
  await em.flush();
  await em.transactional(async (outer) => {
    await outer.transactional(async (inner) => void addItem(inner, 'nested'));
    await undone(outer.transactional(() => Promise.reject(new Undo())));
  });
  await em.begin();
  await em.rollback();
  await undone(em.transactional(() => Promise.reject(new Undo())));
  return sent.map(firstWords);
}

function firstWords(statement: string): string {
  return statement.split(' ').slice(0, 3).join(' ');
}
