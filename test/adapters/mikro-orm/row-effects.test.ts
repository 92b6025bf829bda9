import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/postgresql';
import { EffectScope, EventStore, runInScope } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { kindOf } from '../../../adapters/mikro-orm/effects/statements.js';
import {
  Address,
  Bug,
  Customer,
  Label,
  Meeting,
  Money,
  Order,
  OrderLine,
  ReflectMetadataProvider,
  Ticket,
} from '../../support/lifecycle-entities.js';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;

beforeAll(async () => {
  database = await createDatabase();
  orm = await MikroORM.init(
    ignoreHandoverSchema({
      metadataProvider: ReflectMetadataProvider,
      entities: [Customer, Label, Order, OrderLine, Ticket, Bug, Meeting, Address],
      clientUrl: database.url,
    }),
  );
  store = new EventStore({ log: mikroOrmLog(orm) });
  await store.migrate();
  await orm.schema.create();
});

afterAll(async () => {
  await store.close();
  await orm.close(true);
  await database.drop();
});

async function effectsOf(work: (em: MikroORM['em']) => Promise<void>): Promise<EffectScope> {
  const scope = new EffectScope('performed');
  await runInScope(scope, async () => {
    const em = orm.em.fork();
    await work(em);
    await em.flush();
  });
  scope.close();
  return scope;
}

const bare = ({ effects }: EffectScope) =>
  effects.map((effect) => (effect.kind === 'row' ? { ...effect, undo: undefined } : effect));

const made = (table: string): unknown => expect.stringMatching(new RegExp(`^<made ${table}:[0-9]+>$`));

const full = async () => {
  const tables = ['customer', 'label', 'order', 'order_line', 'order_labels', 'ticket'];
  return Promise.all(
    tables.map((table) =>
      orm.em.fork().execute(`select to_jsonb(t) - 'version' as row from "${table}" t order by 1`),
    ),
  );
};

const fill = (em: MikroORM['em']) => {
  const customer = em.create(Customer, { name: 'Ann' });
  const order = em.create(Order, { title: 'tea', customer, labels: [], lines: [] } as never);
  Object.assign(order, {
    total: new Money(1_250),
    views: 9_007_199_254_740_993n,
    settings: { theme: 'dark' },
    dueAt: new Date('2026-05-01T10:00:00Z'),
    marks: ['urgent'],
    address: new Address('A', 'B'),
    billing: new Address('C', 'D'),
    stops: [new Address('E', 'F')],
  });
  order.labels.add(em.create(Label, { name: 'red' } as never));
  order.lines.add(em.create(OrderLine, { order, article: 'cup' }));
  em.create(Bug, { title: 'broken', severity: 'high' });
};

describe('rows as effects', () => {
  it('are in the words of the database, with names for the keys that it makes', async () => {
    const scope = await effectsOf(async (em) => fill(em));
    expect(scope.escapes).toEqual([]);
    expect(bare(scope)).toEqual(
      expect.arrayContaining([
        {
          kind: 'row',
          table: 'customer',
          operation: 'insert',
          key: { id: made('customer') },
          values: { name: 'Ann' },
        },
        {
          kind: 'row',
          table: 'order',
          operation: 'insert',
          key: { id: made('order') },
          values: {
            title: 'tea',
            quantity: 1,
            customer_id: made('customer'),
            total: '12.50 EUR',
            views: '9007199254740993',
            settings: { theme: 'dark' },
            due_at: '2026-05-01T10:00:00.000Z',
            marks: '{urgent}',
            address_street: 'A',
            address_city: 'B',
            billing: { street: 'C', city: 'D' },
            stops: [{ street: 'E', city: 'F' }],
          },
        },
        {
          kind: 'row',
          table: 'order_line',
          operation: 'insert',
          key: { id: made('order_line') },
          values: { order_id: made('order'), article: 'cup' },
        },
        {
          kind: 'row',
          table: 'ticket',
          operation: 'insert',
          key: { id: made('ticket') },
          values: { kind: 'bug', title: 'broken', severity: 'high' },
        },
        {
          kind: 'row',
          table: 'order_labels',
          operation: 'insert',
          key: { order_id: made('order'), label_id: made('label') },
          values: {},
        },
      ]),
    );
    expect(scope.effects).toHaveLength(6);
  });

  it('are, of an update, the changed columns, and of a removal the key', async () => {
    const changed = await effectsOf(async (em) => {
      const [order] = await em.find(Order, {}, { populate: ['labels', 'lines'] });
      if (order === undefined) throw new Error('There is no order.');
      order.title = 'coffee';
      order.settings = { theme: 'light', size: 2 };
      if (order.address !== undefined) order.address.city = 'Z';
      order.labels.removeAll();
      order.lines.removeAll();
    });
    const key = { id: expect.any(Number) };
    expect(bare(changed)).toEqual(
      expect.arrayContaining([
        {
          kind: 'row',
          table: 'order',
          operation: 'update',
          key,
          values: { title: 'coffee', settings: { theme: 'light', size: 2 }, address_city: 'Z' },
        },
        { kind: 'row', table: 'order_line', operation: 'delete', key, values: {} },
        {
          kind: 'row',
          table: 'order_labels',
          operation: 'delete',
          key: { order_id: expect.any(Number), label_id: expect.any(Number) },
          values: {},
        },
      ]),
    );
    expect(changed.effects).toHaveLength(3);
  });

  it('are undone where another run shall find what was there before', async () => {
    await effectsOf(async (em) => fill(em));
    const before = await full();
    const scope = await effectsOf(async (em) => {
      const orders = await em.find(Order, {}, { populate: ['labels', 'lines'] });
      for (const order of orders) {
        order.title = 'milk';
        Object.assign(order, {
          total: new Money(1),
          settings: undefined,
          marks: ['gift'],
          stops: [],
          dueAt: null,
        });
        order.labels.removeAll();
        order.lines.removeAll();
      }
      em.remove(await em.findOneOrFail(Bug, { title: 'broken' }));
      await em.flush();
      fill(em);
    });
    const after = await full();
    expect(after).not.toEqual(before);
    let found: unknown;
    await store.recording.rehearse(async () => {
      await runInScope(new EffectScope('captured'), async () => (found = await full()));
    }, scope.effects);
    expect(found).toEqual(before);
    expect(await full()).toEqual(after);
  });

  it('of an implicit transaction that fails are none', async () => {
    await effectsOf(async (em) => void em.create(Order, { title: 'x', reference: 'once' } as never));
    const scope = await effectsOf(async (em) => {
      em.create(Customer, { name: 'in vain' });
      em.create(Order, { title: 'x', reference: 'once' } as never);
      await em.flush().catch(() => em.clear());
    });
    expect(scope.effects).toEqual([]);
  });

  it('of a savepoint that is rolled back are none, and those around it stay', async () => {
    const scope = await effectsOf((em) =>
      em.transactional(async (outer) => {
        outer.create(Customer, { name: 'outer' });
        await outer.flush();
        const inner = outer.transactional(async (nested) => {
          nested.create(Customer, { name: 'inner' });
          await nested.flush();
          throw new Error('in vain');
        });
        await inner.catch(() => undefined);
      }),
    );
    expect(bare(scope)).toMatchObject([{ operation: 'insert', values: { name: 'outer' } }]);
  });
});

describe('a statement', () => {
  it.each([
    ['select * from orders', 'read'],
    ["  SELECT count(*) FROM orders WHERE text = 'insert into x; commit' -- delete", 'read'],
    ['select * from "update" where "delete" = 1 for update', 'read'],
    ['with a as (select 1) select * from a', 'read'],
    ['(select 1 from a) union (select 2 from b)', 'read'],
    ['select now(), 1', 'read'],
    ['set local search_path = a', 'read'],
    ['with a as (delete from b returning *) select * from a', 'write'],
    ["select nextval('ids')", 'write'],
    ['select 1 from a where nextval(b) > 1', 'write'],
    ['select send_mail()', 'write'],
    ['select * into copies from orders', 'write'],
    ['select 1; insert into a values (1)', 'write'],
    ['insert into a values (1)', 'write'],
    ['/* select */ update a set b = 1', 'write'],
    ["do $$ begin perform 'select'; end $$", 'write'],
    ['lock table a', 'write'],
    ['set search_path = a', 'write'],
    ['explain analyze delete from a', 'write'],
    ['', 'write'],
    ['begin', 'control'],
    ['COMMIT;', 'control'],
    ['savepoint a', 'control'],
    ['rollback to savepoint a', 'control'],
    ['end', 'control'],
    ['insert into a values (1); commit', 'mixed'],
    ['commit; select 1 from a', 'mixed'],
  ])('such as %j is one of kind %s', (sql, kind) => {
    expect(kindOf(sql)).toBe(kind);
  });
});
