import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TransactionPropagation } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { captureEvents } from 'handover/testing';
import { EntityEventFailed } from '../../../adapters/mikro-orm/lifecycle/entity-event-failed.js';
import { entityEvents } from '../../../adapters/mikro-orm/lifecycle/entity-events.js';
import type { OnEntity } from '../../../adapters/mikro-orm/lifecycle/entity-events.js';
import { ModelBroadcastFailed } from '../../../adapters/mikro-orm/lifecycle/model-broadcast-failed.js';
import { modelBroadcasts } from '../../../adapters/mikro-orm/lifecycle/model-broadcasts.js';
import {
  Address,
  BlogPost,
  Bug,
  bus,
  Customer,
  Label,
  lifecycleEntities,
  Meeting,
  Money,
  Order,
  OrderLine,
  ReflectMetadataProvider,
  Ticket,
} from '../../support/lifecycle-entities.js';
import { createDatabase } from '../../support/postgres.js';
import type { TestDatabase } from '../../support/postgres.js';

class Changed extends defineEvent<{ readonly what: string; readonly [fact: string]: unknown }>('Changed') {}

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;
/** What the after-commit handler heard. */
const heard: string[] = [];
const undo: (() => void)[] = [];

beforeAll(async () => {
  database = await createDatabase();
  orm = await MikroORM.init(
    ignoreHandoverSchema({
      entities: [...lifecycleEntities],
      metadataProvider: ReflectMetadataProvider,
      clientUrl: database.url,
    }),
  );
  store = new EventStore({ log: mikroOrmLog(orm), events: [Changed] });
  await store.migrate();
  await orm.schema.create();
  store.subscribe((event) => void heard.push(event.data.what), { to: [Changed] });
});

afterAll(async () => {
  await store.close();
  await orm.close(true);
  await database.drop();
});

afterEach(() => {
  for (const each of undo.splice(0)) each();
  heard.length = 0;
  bus.clear();
});

function watch(define: (on: OnEntity) => void): void {
  undo.push(entityEvents(orm, store, define));
}

const fork = () => orm.em.fork();
const changed = (what: string, facts: Record<string, unknown> = {}) => new Changed({ what, ...facts });

/** Data of the events that `work` has left in the log, oldest first. */
async function recordedBy(work: () => Promise<unknown>): Promise<readonly Record<string, unknown>[]> {
  const before = await store.read.last();
  await work();
  const all = before === undefined ? store.read : store.read.from(before.id);
  return (await all.toArray()).map((event) => event.data as Record<string, unknown>);
}

const facts = (what: string, given: Record<string, unknown>) => ({ what, ...given });

async function anOrder(values: Partial<Order> = {}): Promise<number> {
  const em = fork();
  const order = em.create(Order, { title: 'Books', ...values } as never);
  await em.persist(order).flush();
  return order.id;
}

const nameOf = async (id: number) => (await fork().findOneOrFail(Order, id)).title;

const aLabelledOrder = async () => {
  const em = fork();
  const [red, blue] = [em.create(Label, { name: 'red' }), em.create(Label, { name: 'blue' })];
  const order = em.create(Order, { title: 'Tea' });
  order.labels.add(red);
  await em.persist([order, blue]).flush();
  return { order: order.id, red: red.id, blue: blue.id };
};

const names = (labels: readonly { name: string }[]) => labels.map((each) => each.name).toSorted();

const aWatchedOrder = async () => {
  watch((on) => on(Order).changed('quantity', (_, { was, now }) => changed(`${was}→${now}`)));
  return anOrder({ quantity: 1 });
};

const setQuantity = async (em: EntityManager, id: number, quantity: number) => {
  (await em.findOneOrFail(Order, id)).quantity = quantity;
  await em.flush();
};

const whats = (events: readonly Record<string, unknown>[]) => events.map((each) => each['what']);

class Undo extends Error {}

async function undone(work: Promise<unknown>): Promise<void> {
  await expect(work).rejects.toThrow(Undo);
}

describe('an entity that is created', () => {
  it('gives an event that knows the id from the database, in the stream asked for', async () => {
    watch((on) => {
      on(Order).created((order, { kind, now }) => changed(kind, { id: order.id, title: now.title }), {
        stream: (order) => `Order-${order.id}`,
      });
    });
    let id = 0;
    const events = await recordedBy(async () => (id = await anOrder({ title: 'Tea' })));
    expect(events).toEqual([facts('created', { id, title: 'Tea' })]);
    expect(await store.read.stream(`Order-${id}`).count()).toBe(1);
    expect(heard).toEqual(['created']);
  });

  it('does not count as changed', async () => {
    watch((on) =>
      on(Order)
        .changed('title', () => changed('title'))
        .changed('labels', () => changed('labels')),
    );
    const events = await recordedBy(async () => {
      const em = fork();
      const order = em.create(Order, { title: 'Tea' });
      order.labels.add(em.create(Label, { name: 'new' }));
      await em.persist(order).flush();
    });
    expect(events).toEqual([]);
  });

  it('is created once when MikroORM needs an insert and an update for it', async () => {
    watch((on) =>
      on(Order)
        .created((order) => changed(order.title))
        .changed('reference', () => changed('reference')),
    );
    const id = await anOrder({ reference: 'R-1' });
    const events = await recordedBy(async () => {
      const em = fork();
      const old = await em.findOneOrFail(Order, id);
      old.reference = null;
      em.persist(em.create(Order, { title: 'Successor', reference: 'R-1' }));
      await em.flush();
    });
    expect(events).toEqual([facts('reference', {}), facts('Successor', {})]);
  });

  it('has a value wherever its maker asks for a change', async () => {
    watch((on) => {
      on(Order).created((_, changes) =>
        changed('created', {
          title: changes.changed('title'),
          dueAt: changes.changed('dueAt'),
          was: changes.was,
        }),
      );
    });
    expect(await recordedBy(() => anOrder())).toEqual([
      facts('created', { title: true, dueAt: false, was: {} }),
    ]);
  });
});

describe('a property that changes', () => {
  it('tells what it was and what it is', async () => {
    watch((on) =>
      on(Order).changed('quantity', (order, { was, now }) =>
        changed(order.title, { by: now - was, was, now }),
      ),
    );
    const id = await anOrder({ quantity: 2 });
    const events = await recordedBy(async () => {
      const em = fork();
      (await em.findOneOrFail(Order, id)).quantity = 5;
      await em.flush();
    });
    expect(events).toEqual([facts('Books', { by: 3, was: 2, now: 5 })]);
  });

  it('tells nothing when another one changed, or when it is set to what it was', async () => {
    watch((on) => on(Order).changed('quantity', () => changed('quantity')));
    const id = await anOrder({ quantity: 2 });
    const events = await recordedBy(async () => {
      const em = fork();
      const order = await em.findOneOrFail(Order, id);
      order.title = 'Other';
      order.quantity = 2;
      await em.flush();
    });
    expect(events).toEqual([]);
  });

  it('is told of together with others, all of them, when one of several changed', async () => {
    watch((on) =>
      on(Order).changed(['title', 'quantity'], (_, { was, now }) => changed('both', { was, now })),
    );
    const id = await anOrder({ quantity: 2 });
    const events = await recordedBy(async () => {
      const em = fork();
      (await em.findOneOrFail(Order, id)).quantity = 3;
      await em.flush();
    });
    expect(events).toEqual([
      facts('both', { was: { title: 'Books', quantity: 2 }, now: { title: 'Books', quantity: 3 } }),
    ]);
  });

  it('has its values as the application knows them', async () => {
    const seen: unknown[] = [];
    watch((on) => {
      on(Order).changed(
        ['total', 'views', 'settings', 'dueAt', 'marks', 'billing', 'stops'],
        (_, { was, now }) => {
          seen.push(was, now);
          return undefined;
        },
      );
    });
    const was = {
      total: new Money(1250),
      views: 9_007_199_254_740_993n,
      settings: { theme: 'dark' },
      dueAt: new Date('2026-01-02T03:04:05.678Z'),
      marks: ['urgent' as const],
      billing: new Address('Main 1', 'Bern'),
      stops: [new Address('Main 1', 'Bern')],
    };
    const now = {
      total: new Money(99),
      views: 9_007_199_254_740_995n,
      settings: { theme: 'light', size: 2 },
      dueAt: new Date('2027-01-01T00:00:00.000Z'),
      marks: ['gift' as const],
      billing: new Address('Side 2', 'Bern'),
      stops: [new Address('Main 1', 'Bern'), new Address('Side 2', 'Bern')],
    };
    const id = await anOrder(was);
    const em = fork();
    Object.assign(await em.findOneOrFail(Order, id), now);
    await em.flush();
    expect(seen).toStrictEqual([was, now]);
  });

  it('may be an embeddable, or a part of one', async () => {
    watch((on) => {
      on(Order)
        .changed('address', (_, { was, now }) => changed('address', { was, now }))
        .changed('address.street', (_, { was, now }) => changed('street', { was, now }))
        .changed('billing.city', (_, { was, now }) => changed('city', { was, now }));
    });
    const id = await anOrder({
      address: new Address('Main 1', 'Bern'),
      billing: new Address('Main 1', 'Bern'),
    });
    const em = fork();
    const order = await em.findOneOrFail(Order, id);
    const moved = await recordedBy(async () => {
      order.address!.city = 'Basel';
      order.billing!.street = 'Side 2';
      await em.flush();
    });
    expect(moved).toEqual([
      facts('address', { was: { street: 'Main 1', city: 'Bern' }, now: { street: 'Main 1', city: 'Basel' } }),
    ]);
    const again = await recordedBy(async () => {
      order.address = new Address('Side 2', 'Basel');
      order.billing = new Address('Side 2', 'Basel');
      await em.flush();
    });
    expect(again.map((each) => [each['what'], each['was'], each['now']])).toEqual([
      ['address', { street: 'Main 1', city: 'Basel' }, { street: 'Side 2', city: 'Basel' }],
      ['street', 'Main 1', 'Side 2'],
      ['city', 'Bern', 'Basel'],
    ]);
  });

  it('may be a reference, which shows primary keys', async () => {
    watch((on) => on(Order).changed('customer', (_, { was, now }) => changed('customer', { was, now })));
    const em = fork();
    const [ann, bob] = [em.create(Customer, { name: 'Ann' }), em.create(Customer, { name: 'Bob' })];
    const order = em.create(Order, { title: 'Tea', customer: ann });
    await em.persist([order, bob]).flush();
    const other = fork();
    const loaded = await other.findOneOrFail(Order, order.id);
    const events = await recordedBy(async () => {
      loaded.customer = other.getReference(Customer, bob.id, { wrapped: true });
      await other.flush();
    });
    expect(events).toEqual([facts('customer', { was: ann.id, now: bob.id })]);
    // The customers themselves were not disturbed by looking at what was.
    expect(other.getUnitOfWork().getById(Customer, ann.id as never)).toBeDefined();
    expect((await fork().findOneOrFail(Order, order.id)).customer?.id).toBe(bob.id);
  });

  it('may be the version that optimistic locking counts', async () => {
    watch((on) => on(Order).changed('version', (_, { was, now }) => changed('version', { was, now })));
    const em = fork();
    const order = await em.findOneOrFail(Order, await anOrder());
    const events = await recordedBy(async () => {
      order.title = 'Second';
      await em.flush();
      order.title = 'Third';
      await em.flush();
    });
    expect(events).toEqual([facts('version', { was: 1, now: 2 }), facts('version', { was: 2, now: 3 })]);
  });

  it('was unknown on a reference that nobody had loaded', async () => {
    watch((on) => on(Order).changed('quantity', (_, { was, now }) => changed('quantity', { was, now })));
    const id = await anOrder();
    const events = await recordedBy(async () => {
      const em = fork();
      em.getReference(Order, id).quantity = 7;
      await em.flush();
    });
    expect(events).toEqual([facts('quantity', { now: 7 })]);
  });

  it('is told of when MikroORM has to update early, or apart, for a unique index', async () => {
    watch((on) => on(Order).changed('reference', (_, { was, now }) => changed('reference', { was, now })));
    const [a, b] = [await anOrder({ reference: 'A' }), await anOrder({ reference: 'B' })];
    const events = await recordedBy(async () => {
      const em = fork();
      const [first, second] = [await em.findOneOrFail(Order, a), await em.findOneOrFail(Order, b)];
      first.reference = 'B';
      second.reference = 'A';
      await em.flush().catch(() => undefined);
      first.reference = null;
      second.reference = 'A';
    });
    // A straight swap is refused by the index itself: no event may remain of it.
    expect(events).toEqual([]);
    watch((on) => on(Order).changed('title', (_, { was, now }) => changed('title', { was, now })));
    const moved = await recordedBy(async () => {
      const em = fork();
      const [first, second] = [await em.findOneOrFail(Order, a), await em.findOneOrFail(Order, b)];
      first.reference = null;
      second.reference = 'A';
      second.title = 'Heir';
      await em.flush();
    });
    expect(moved).toHaveLength(3);
    expect(moved).toEqual(
      expect.arrayContaining([
        facts('reference', { was: 'A', now: null }),
        facts('reference', { was: 'B', now: 'A' }),
        facts('title', { was: 'Books', now: 'Heir' }),
      ]),
    );
  });

  it.each([
    ['nothing', 'no property of the entity'],
    ['lines', 'the other side holds the foreign key'],
    ['summary', 'it is computed'],
    ['customer.name', 'it belongs to another entity'],
    ['address.planet', 'no part of the embeddable'],
  ])('must be stored with the entity: `%s` is refused, because %s', (property) => {
    expect(() => watch((on) => on(Order).changed(property as 'title', () => undefined))).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining('→') }),
    );
  });
});

describe('a collection of many to many', () => {
  it('tells what it gained and lost, new entities with their ids', async () => {
    watch((on) => {
      on(Order).changed('labels', (order, { added, removed }) =>
        changed(order.title, {
          added: names(added),
          removed: names(removed),
          ids: added.every((each) => each.id > 0),
        }),
      );
    });
    const { order, blue } = await aLabelledOrder();
    const em = fork();
    const loaded = await em.findOneOrFail(Order, order, { populate: ['labels'] });
    const events = await recordedBy(async () => {
      loaded.labels.set([await em.findOneOrFail(Label, blue), em.create(Label, { name: 'green' })]);
      await em.flush();
    });
    expect(events).toEqual([facts('Tea', { added: ['blue', 'green'], removed: ['red'], ids: true })]);
    expect(await recordedBy(() => em.flush())).toEqual([]);
  });

  it('is told of on both sides, whichever was changed', async () => {
    watch((on) => {
      on(Order).changed('labels', (_, { added }) => changed('labels', { count: added.length }));
      on(Label).changed('orders', (label, { added }) => changed(label.name, { count: added.length }));
    });
    const { order, blue } = await aLabelledOrder();
    const events = await recordedBy(async () => {
      const em = fork();
      const label = await em.findOneOrFail(Label, blue, { populate: ['orders'] });
      label.orders.add(await em.findOneOrFail(Order, order));
      await em.flush();
    });
    expect(events.toSorted((a, b) => String(a['what']).localeCompare(String(b['what'])))).toEqual([
      facts('blue', { count: 1 }),
      facts('labels', { count: 1 }),
    ]);
  });

  it('is told of on the side that was never loaded', async () => {
    watch((on) =>
      on(Label).changed('orders', (label, { removed }) => changed(label.name, { count: removed.length })),
    );
    const { order } = await aLabelledOrder();
    const events = await recordedBy(async () => {
      const em = fork();
      (await em.findOneOrFail(Order, order, { populate: ['labels'] })).labels.removeAll();
      await em.flush();
    });
    expect(events).toEqual([facts('red', { count: 1 })]);
  });

  it('is part of the one change of an entity that changed otherwise too', async () => {
    watch((on) => {
      on(Order).when(
        (_, changes) => changes.kind === 'updated',
        (_, changes) =>
          changed('both', {
            title: changes.changed('title'),
            labels: changes.changed('labels'),
            removed: changes.collection('labels').removed.length,
            was: changes.was,
          }),
      );
    });
    const { order } = await aLabelledOrder();
    const events = await recordedBy(async () => {
      const em = fork();
      const loaded = await em.findOneOrFail(Order, order, { populate: ['labels'] });
      loaded.labels.removeAll();
      loaded.title = 'Coffee';
      await em.flush();
    });
    expect(events).toEqual([
      facts('both', { title: true, labels: true, removed: 1, was: { title: 'Tea', version: 1 } }),
    ]);
  });

  it('stands alone: a list of properties does not take it', () => {
    expect(() => watch((on) => on(Order).changed(['title', 'labels'], () => undefined))).toThrow(
      /collections/,
    );
  });
});

describe('an entity that is removed', () => {
  it('is given as it was last, with what the table held', async () => {
    watch((on) => {
      on(Order).removed((order, { was, now, kind }) =>
        changed(kind, {
          id: order.id,
          title: order.title,
          stored: was.title,
          street: was.address?.street,
          now,
        }),
      );
    });
    const id = await anOrder({ address: new Address('Main 1', 'Bern') });
    const events = await recordedBy(async () => {
      const em = fork();
      const order = await em.findOneOrFail(Order, id);
      order.title = 'Renamed, never stored';
      await em.remove(order).flush();
    });
    expect(events).toEqual([
      facts('removed', { id, title: 'Renamed, never stored', stored: 'Books', street: 'Main 1', now: {} }),
    ]);
  });

  it('may never have been loaded', async () => {
    watch((on) => on(Order).removed((order, { was }) => changed('removed', { id: order.id, was })));
    const id = await anOrder();
    const events = await recordedBy(async () => {
      const em = fork();
      await em.remove(em.getReference(Order, id)).flush();
    });
    expect(events).toEqual([facts('removed', { id, was: { id } })]);
  });

  it('may be an orphan, or go first so that another can take its place', async () => {
    watch((on) => {
      on(OrderLine).removed((line) => changed(`line ${line.article}`));
      on(Order)
        .removed((order) => changed(order.title))
        .created((order) => changed(order.title));
    });
    const em = fork();
    const order = em.create(Order, { title: 'First', reference: 'unique-1' });
    order.lines.add(em.create(OrderLine, { article: 'cup', order }));
    await em.persist(order).flush();
    const orphaned = await recordedBy(async () => {
      order.lines.removeAll();
      await em.flush();
    });
    expect(orphaned).toEqual([facts('line cup', {})]);
    const replaced = await recordedBy(async () => {
      em.remove(order);
      em.persist(em.create(Order, { title: 'Second', reference: 'unique-1' }));
      await em.flush();
    });
    expect(replaced).toEqual([facts('First', {}), facts('Second', {})]);
  });

  it('takes along, in the order of writing, what MikroORM removes by cascade', async () => {
    watch((on) => {
      on(Order).removed((order) => changed(order.title));
      on(OrderLine).removed((line) => changed(line.article));
    });
    const em = fork();
    const order = em.create(Order, { title: 'Order' });
    order.lines.add(em.create(OrderLine, { article: 'cup', order }));
    await em.persist(order).flush();
    expect(await recordedBy(() => em.remove(order).flush())).toEqual([facts('cup', {}), facts('Order', {})]);
  });
});

describe('makers', () => {
  it('of one entity all have their say, in the order of their definition', async () => {
    watch((on) => {
      on(Order)
        .created(() => changed('one'))
        .created(() => [changed('two'), changed('three')])
        .created(() => undefined)
        .when(
          (_, { kind }) => kind === 'created',
          () => Promise.resolve(changed('four')),
        )
        .when(
          () => false,
          () => changed('never'),
        );
    });
    const events = await recordedBy(() => anOrder());
    expect(events.map((each) => each['what'])).toEqual(['one', 'two', 'three', 'four']);
  });

  it('of a class hear its subclasses, and not the reverse', async () => {
    watch((on) => {
      on(Ticket).created((ticket) => changed(`ticket ${ticket.title}`));
      on(Bug).created((bug) => changed(`bug ${bug.title}`));
    });
    const events = await recordedBy(async () => {
      const em = fork();
      em.persist([em.create(Ticket, { title: 'A' }), em.create(Bug, { title: 'B' })]);
      await em.flush();
    });
    expect(events.map((each) => each['what'])).toEqual(['ticket A', 'ticket B', 'bug B']);
  });

  it('that throw make the flush reject, and nothing is left of it', async () => {
    const id = await anOrder({ title: 'Kept' });
    watch((on) => {
      on(Order)
        .changed('title', () => changed('title'))
        .changed('title', () => {
          throw new RangeError('no such title');
        });
    });
    const em = fork();
    (await em.findOneOrFail(Order, id)).title = 'Lost';
    let failure: unknown;
    const events = await recordedBy(
      async () => (failure = await em.flush().catch((error: unknown) => error)),
    );
    expect(failure).toBeInstanceOf(EntityEventFailed);
    expect(failure).toMatchObject({
      code: 'entity_event_failed',
      entityName: 'Order',
      rule: 'changed title',
      cause: expect.any(RangeError),
    });
    expect(events).toEqual([]);
    expect(heard).toEqual([]);
    expect(await nameOf(id)).toBe('Kept');
  });

  it('that throw doom an explicit transaction, also when the flush was caught', async () => {
    const id = await anOrder({ title: 'Kept' });
    watch((on) => {
      on(Order).changed('title', () => {
        throw new RangeError('no such title');
      });
    });
    const work = fork().transactional(async (em) => {
      (await em.findOneOrFail(Order, id)).title = 'Lost';
      await em.flush().catch(() => undefined);
    });
    await expect(work).rejects.toBeInstanceOf(EntityEventFailed);
    expect(await nameOf(id)).toBe('Kept');
  });

  it('that return something else than events make the flush reject', async () => {
    watch((on) => on(Order).created(() => ({ type: 'no event' }) as never));
    await expect(anOrder({ title: 'Lost' })).rejects.toMatchObject({ code: 'invalid_event' });
    expect(await fork().count(Order, { title: 'Lost' })).toBe(0);
  });

  it('are silent after their undo was called, and others go on', async () => {
    const stop = entityEvents(orm, store, (on) => on(Order).created(() => changed('stopped')));
    watch((on) => on(Order).created(() => changed('going on')));
    stop();
    expect(await recordedBy(() => anOrder())).toEqual([facts('going on', {})]);
  });

  it('are refused for a class that is no entity', () => {
    class Stranger {
      id = 1;
    }
    expect(() => watch((on) => on(Stranger).created(() => undefined))).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
    expect(() => watch((on) => on(Address).created(() => undefined))).toThrow(/entity class/);
  });
});

describe('entity events and transactions', () => {
  it('give one event for each flush, heard after the outermost commit', async () => {
    const id = await aWatchedOrder();
    const events = await recordedBy(() =>
      fork().transactional(async (em) => {
        await setQuantity(em, id, 2);
        await setQuantity(em, id, 3);
        await em.transactional((inner) => setQuantity(inner, id, 4));
        expect(heard).toEqual([]);
      }),
    );
    expect(whats(events)).toEqual(['1→2', '2→3', '3→4']);
    expect(heard).toEqual(['1→2', '2→3', '3→4']);
  });

  it('vanish together', async () => {
    const id = await aWatchedOrder();
    const events = await recordedBy(() =>
      undone(
        fork().transactional(async (em) => {
          await em.transactional((inner) => setQuantity(inner, id, 2));
          throw new Undo();
        }),
      ),
    );
    expect(events).toEqual([]);
    expect(heard).toEqual([]);
  });

  it('vanish with a savepoint while what surrounds it commits', async () => {
    const id = await aWatchedOrder();
    const events = await recordedBy(() =>
      fork().transactional(async (em) => {
        await setQuantity(em, id, 2);
        await undone(
          em.transactional(async (inner) => {
            await setQuantity(inner, id, 3);
            throw new Undo();
          }),
        );
      }),
    );
    expect(whats(events)).toEqual(['1→2']);
    expect(heard).toEqual(['1→2']);
  });

  it('go with the transaction that requires to be new', async () => {
    const id = await aWatchedOrder();
    const other = await anOrder({ quantity: 10 });
    const events = await recordedBy(() =>
      undone(
        fork().transactional(async (em) => {
          await setQuantity(em, id, 2);
          await em.transactional((inner) => setQuantity(inner, other, 11), {
            propagation: TransactionPropagation.REQUIRES_NEW,
          });
          throw new Undo();
        }),
      ),
    );
    expect(whats(events)).toEqual(['10→11']);
  });

  it('go with em.begin on a fork, and with its commit or rollback', async () => {
    const id = await aWatchedOrder();
    const run = (end: 'commit' | 'rollback', quantity: number) =>
      recordedBy(async () => {
        const em = fork();
        await em.begin();
        await setQuantity(em, id, quantity);
        await em[end]();
      });
    expect(whats(await run('rollback', 2))).toEqual([]);
    expect(whats(await run('commit', 3))).toEqual(['1→3']);
  });

  it('stay apart when many run at once', async () => {
    watch((on) => on(Order).changed('quantity', (order, { now }) => changed(`${order.id}:${now}`)));
    const ids = await Promise.all(Array.from({ length: 8 }, () => anOrder()));
    const events = await recordedBy(() =>
      Promise.all(
        ids.map((id, index) =>
          fork()
            .transactional(async (em) => {
              await setQuantity(em, id, 50);
              if (index % 2 === 0) throw new Undo();
            })
            .catch(() => undefined),
        ),
      ),
    );
    const expected = ids.filter((_, index) => index % 2 === 1).map((id) => `${id}:50`);
    expect(new Set(whats(events))).toEqual(new Set(expected));
    expect(events).toHaveLength(expected.length);
  });

  it('say nothing of a flush that failed on its way, when the next one succeeds', async () => {
    const id = await aWatchedOrder();
    await anOrder({ reference: 'taken' });
    const em = fork();
    const order = await em.findOneOrFail(Order, id);
    const failing = recordedBy(async () => {
      order.quantity = 2;
      em.persist(em.create(Order, { title: 'Twin', reference: 'taken' }));
      await expect(em.flush()).rejects.toThrow(/unique/);
      em.clear();
      await setQuantity(em, id, 3);
    });
    expect(whats(await failing)).toEqual(['1→3']);
  });

  it('run handlers inside the transaction, which can refuse it', async () => {
    const id = await aWatchedOrder();
    const unsubscribe = store.subscribe(
      () => {
        throw new Undo();
      },
      { to: [Changed], run: 'in-transaction' },
    );
    undo.push(unsubscribe);
    await expect(setQuantity(fork(), id, 9)).rejects.toMatchObject({ code: 'handler_failed' });
    expect((await fork().findOneOrFail(Order, id)).quantity).toBe(1);
  });

  it('can be captured in tests', async () => {
    const id = await aWatchedOrder();
    const captured = await captureEvents(store, [Changed], () => setQuantity(fork(), id, 2));
    expect(captured.map((event) => event.data.what)).toEqual(['1→2']);
  });

  it('warn once of an upsert, which cannot be seen', async () => {
    watch((on) => on(Customer).created(() => changed('customer')));
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    undo.push(() => emitWarning.mockRestore());
    const events = await recordedBy(async () => {
      await fork().upsert(Customer, { id: 900, name: 'Ann' });
      await fork().upsert(Customer, { id: 900, name: 'Anna' });
    });
    expect(events).toEqual([]);
    expect(emitWarning.mock.calls).toEqual([
      [expect.stringContaining('Customer'), { code: 'HANDOVER_UPSERT_UNSEEN' }],
    ]);
  });
});

describe('model broadcasts', () => {
  const events = [
    'after_commit',
    'after_rollback',
    'meeting_committed',
    'after_create',
    'after_update',
    'after_destroy',
    'create_meeting_successful',
    'update_meeting_successful',
    'destroy_meeting_successful',
    'blog_post_committed',
    'create_blog_post_successful',
  ];
  const start = (options: Parameters<typeof modelBroadcasts>[1] = {}) => {
    const told: string[] = [];
    const models: unknown[] = [];
    bus.subscribe(
      Object.fromEntries(
        events.map((event) => [
          event,
          (model: object) => {
            told.push(event);
            models.push(model);
          },
        ]),
      ),
    );
    undo.push(modelBroadcasts(orm, options));
    return { told, models };
  };
  let count = 0;
  const aMeeting = async (em = fork()) => {
    count += 1;
    const meeting = em.create(Meeting, { subject: `Meeting ${count}` });
    await em.persist(meeting).flush();
    return { em, meeting };
  };
  const created = ['after_commit', 'meeting_committed', 'after_create', 'create_meeting_successful'];
  const updated = ['after_commit', 'meeting_committed', 'after_update', 'update_meeting_successful'];
  const destroyed = ['after_commit', 'meeting_committed', 'after_destroy', 'destroy_meeting_successful'];

  // W152–W157
  it('follow the commit of a create, an update and a destroy, with the entity as the argument', async () => {
    const { told, models } = start();
    const { em, meeting } = await aMeeting();
    expect(told.splice(0)).toEqual(created);
    expect(new Set(models)).toEqual(new Set([meeting]));
    meeting.subject = `Renamed ${count}`;
    await em.flush();
    expect(told.splice(0)).toEqual(updated);
    await em.remove(meeting).flush();
    expect(told).toEqual(destroyed);
  });

  // W157
  it('name a class of several words in snake case, or as they are told', async () => {
    const { told } = start();
    const em = fork();
    await em.persist(em.create(BlogPost, { title: 'Hello' })).flush();
    expect(told).toEqual([
      'after_commit',
      'blog_post_committed',
      'after_create',
      'create_blog_post_successful',
    ]);
    undo.splice(0).forEach((each) => each());
    told.length = 0;
    undo.push(modelBroadcasts(orm, { key: () => 'meeting' }));
    await em.persist(em.create(BlogPost, { title: 'Hello again' })).flush();
    expect(told).toEqual(created);
  });

  // W163
  it('come once for each entity of a transaction, whatever was flushed in it', async () => {
    const { told } = start();
    await fork().transactional(async (em) => {
      const { meeting } = await aMeeting(em);
      meeting.subject = `Renamed ${count}`;
      await em.flush();
      expect(told).toEqual([]);
    });
    expect(told.splice(0)).toEqual(created);
    await fork().transactional(async (em) => {
      const { meeting } = await aMeeting(em);
      await em.remove(meeting).flush();
    });
    expect(told).toEqual(destroyed);
  });

  // W161
  it('tell of a rolled-back transaction once for each entity, and nothing else', async () => {
    const { told } = start();
    await undone(
      fork().transactional(async (em) => {
        const { meeting } = await aMeeting(em);
        meeting.subject = `Renamed ${count}`;
        await em.flush();
        throw new Undo();
      }),
    );
    expect(told).toEqual(['after_rollback']);
  });

  // W162
  it('tell of a rolled-back savepoint at once, and of the rest at the commit', async () => {
    const { told } = start();
    await fork().transactional(async (em) => {
      await aMeeting(em);
      await undone(
        em.transactional(async (inner) => {
          await aMeeting(inner);
          throw new Undo();
        }),
      );
      expect(told).toEqual(['after_rollback']);
    });
    expect(told).toEqual(['after_rollback', ...created]);
  });

  it('wait for the outermost commit when a savepoint is released', async () => {
    const { told } = start();
    await undone(
      fork().transactional(async (em) => {
        await em.transactional((inner) => aMeeting(inner));
        expect(told).toEqual([]);
        throw new Undo();
      }),
    );
    expect(told).toEqual(['after_rollback']);
  });

  // W160
  it('say nothing of an entity that the database refused', async () => {
    const { told } = start();
    const { meeting } = await aMeeting();
    told.length = 0;
    const em = fork();
    em.persist(em.create(Meeting, { subject: meeting.subject }));
    await expect(em.flush()).rejects.toThrow(/unique/);
    expect(told).toEqual([]);
  });

  // W160, W161
  it('tell of the rollback to an entity that was written before another was refused', async () => {
    const { told, models } = start();
    const { meeting } = await aMeeting();
    const { em, meeting: second } = await aMeeting();
    told.length = models.length = 0;
    const post = em.create(BlogPost, { title: 'Written first' });
    second.subject = meeting.subject;
    await expect(em.persist(post).flush()).rejects.toThrow(/unique/);
    expect(told).toEqual(['after_rollback']);
    expect(models).toEqual([post]);
  });

  // H6
  it('say nothing of a commit that the server turned into a rollback', async () => {
    const { told } = start();
    const work = fork().transactional(async (em) => {
      await aMeeting(em);
      await em.execute('select 1/0').catch(() => undefined);
    });
    await expect(work).rejects.toThrow(/aborted/);
    expect(told).toEqual(['after_rollback']);
  });

  // W164
  it('say nothing of a flush that had nothing to write', async () => {
    const { told } = start();
    const { em, meeting } = await aMeeting();
    told.length = 0;
    em.persist(meeting);
    await em.flush();
    await em.nativeUpdate(Meeting, { id: meeting.id }, { subject: `Native ${count}` });
    expect(told).toEqual([]);
  });

  // W165
  it('report a listener that throws, go on with the next broadcast, and leave the flush alone', async () => {
    const { told } = start({ onError: (error) => void failures.push(error) });
    const failures: ModelBroadcastFailed[] = [];
    bus.subscribe({
      after_commit: () => {
        throw new RangeError('listener');
      },
    });
    const { meeting } = await aMeeting();
    expect(told).toEqual(created);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({
      eventName: 'after_commit',
      entityName: 'Meeting',
      cause: expect.any(RangeError),
    });
    expect(await fork().count(Meeting, { id: meeting.id })).toBe(1);
  });

  // W166
  it('nest when a listener saves through another entity manager', async () => {
    const { told } = start();
    const saved: Promise<unknown>[] = [];
    bus.subscribe({
      create_meeting_successful: (meeting: Meeting) => {
        const em = fork();
        const again = em.findOneOrFail(Meeting, meeting.id).then((found) => {
          found.subject = `Nested ${count}`;
          return em.flush();
        });
        saved.push(again);
      },
    });
    await aMeeting();
    await Promise.all(saved);
    expect(told).toEqual([...created, ...updated]);
  });

  // W167
  it('reach the listeners of that very instance', async () => {
    start();
    const local: string[] = [];
    const { em, meeting } = await aMeeting();
    meeting.on('update_meeting_successful', () => void local.push('this one'));
    const other = fork();
    (await other.findOneOrFail(Meeting, meeting.id)).subject = `Elsewhere ${count}`;
    await other.flush();
    expect(local).toEqual([]);
    meeting.subject = `Here ${count}`;
    await em.flush();
    expect(local).toEqual(['this one']);
  });

  it('can be limited to some entities', async () => {
    const { told } = start({ on: [BlogPost] });
    await aMeeting();
    expect(told).toEqual([]);
    expect(() => modelBroadcasts(orm, { on: ['Meeting'] as never })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  it('are recorded by themselves, not in the transaction that has just committed', async () => {
    undo.push(modelBroadcasts(orm, { on: [Meeting] }));
    const disconnect = bus.connect(store, {
      events: {
        create_meeting_successful: {
          event: Changed,
          data: (meeting: Meeting) => ({ what: meeting.subject }),
        },
      },
      unmapped: 'ignore',
    });
    if (typeof disconnect === 'function') undo.push(disconnect);
    const recorded = await recordedBy(async () => {
      await aMeeting();
      await fork().transactional((em) => aMeeting(em));
      await bus.settled();
    });
    expect(recorded.map((each) => each['what'])).toEqual([`Meeting ${count - 1}`, `Meeting ${count}`]);
  });

  it('follow the commits of an ORM that has no event log', async () => {
    const plain = await MikroORM.init({
      entities: [...lifecycleEntities],
      metadataProvider: ReflectMetadataProvider,
      clientUrl: database.url,
    });
    try {
      const told: string[] = [];
      bus.subscribe({
        after_commit: () => void told.push('commit'),
        after_rollback: () => void told.push('rollback'),
      });
      modelBroadcasts(plain);
      await aMeeting(plain.em.fork());
      await undone(
        plain.em.fork().transactional(async (em) => {
          await aMeeting(em);
          throw new Undo();
        }),
      );
      expect(told).toEqual(['commit', 'rollback']);
    } finally {
      await plain.close();
    }
  });
});
