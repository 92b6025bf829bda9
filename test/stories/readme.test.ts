import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
// #region imports
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { defineEvent, EventStore } from 'handover';
import { createBus } from 'handover/legacy';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
// #endregion
import { Handles } from 'handover';
import { bullmqScheduler } from 'handover/bullmq';
import { captureEvents } from 'handover/testing';
import { describeWithRedis, startOwnRedis } from '../support/redis.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await database.drop();
});

// #region event
class OrderPaid extends defineEvent('OrderPaid', z.object({ orderId: z.string(), cents: z.number() })) {}
// #endregion

// #region entity
const OrderRow = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: { id: p.string().primary(), paid: p.boolean() },
});
// #endregion

const open = () =>
  MikroORM.init({ ...ignoreHandoverSchema(), clientUrl: database.url, entities: [OrderRow] });

describe('what the README shows', () => {
  it('keeps old listeners and adds a record and a typed handler', async () => {
    const clientUrl = database.url;
    using printed = jest.spyOn(console, 'log').mockImplementation(() => undefined);

    // #region before
    const bus = createBus();
    const mails: string[] = [];

    class Checkout extends bus.Publisher() {
      complete(orderId: string, cents: number) {
        this.broadcast('order_paid', { orderId, cents });
      }
    }

    class Mailer {
      order_paid({ orderId }: { orderId: string }) {
        mails.push(`Receipt for ${orderId}`);
      }
    }

    bus.subscribe(new Mailer());
    // #endregion

    // #region after
    // clientUrl: 'postgres://…'
    const orm = await MikroORM.init({ ...ignoreHandoverSchema(), clientUrl, entities: [OrderRow] });
    const store = new EventStore({ log: mikroOrmLog(orm) });
    await store.migrate();

    bus.connect(store, {
      events: { order_paid: { event: OrderPaid, stream: ({ orderId }) => `Order-${orderId}` } },
    });
    const ledger: number[] = [];
    store.subscribe(async (event) => ledger.push(event.data.cents), { to: [OrderPaid] });

    new Checkout().complete('42', 1299); // the mailer runs at once, as ever
    await bus.settled(); // and now it is on record, and the new handler has run too

    for await (const event of store.read.stream('Order-42')) {
      console.log(event.version, event.type, event.data);
    }
    // #endregion

    expect(printed.mock.calls).toEqual([[0, 'OrderPaid', { orderId: '42', cents: 1299 }]]);
    expect(mails).toEqual(['Receipt for 42']);
    expect(ledger).toEqual([1299]);
    expect(await store.read.stream('Order-42').count()).toBe(1);
    await store.close();
    await orm.close(true);
  });

  it('records within the transaction of the rows', async () => {
    const orm = await open();
    const store = new EventStore({ log: mikroOrmLog(orm) });
    await store.migrate();
    await orm.em.execute('create table orders (id text primary key, paid boolean not null)');
    await orm.em.execute(`insert into orders values ('43', false)`);

    // #region transaction
    const cardIsDeclined = true;
    const paying = orm.em.fork().transactional(async (em) => {
      const order = await em.findOneOrFail(OrderRow, '43');
      order.paid = true;
      await store.publish(new OrderPaid({ orderId: '43', cents: 700 }), { stream: 'Order-43' });
      if (cardIsDeclined) throw new Error('Card declined');
    });

    await paying.catch(() => undefined); // the row is unpaid, no event is stored, no handler ran
    // #endregion

    expect(await store.read.stream('Order-43').count()).toBe(0);
    expect((await orm.em.fork().findOneOrFail(OrderRow, '43')).paid).toBe(false);
    await store.close();
    await orm.close(true);
  });

  it('queues handlers', async () => {
    const orm = await open();
    const store = new EventStore({ log: mikroOrmLog(orm) });
    await store.migrate();
    await orm.em.execute('create table receipts (order_id text not null)');

    // #region queued
    @Handles(OrderPaid, { run: 'queued', name: 'receipts.order-paid', attempts: 5 })
    class WriteReceipt {
      async handle({ data }: OrderPaid) {
        // In a transaction of its own, which also marks the delivery as done: this row is written once.
        await orm.em.execute('insert into receipts values (?)', [data.orderId]);
      }
    }

    store.subscribe(WriteReceipt);
    await using worker = await store.work({ concurrency: 16 });

    const [event] = await store.publish(new OrderPaid({ orderId: '45', cents: 1299 }));
    await worker.idle(); // tests wait like this; a server just keeps the worker
    const why = await store.why(event!.id);
    // #endregion

    expect(await orm.em.fork().execute('select order_id from receipts')).toEqual([{ order_id: '45' }]);
    expect(why.text).toContain('receipts.order-paid');
    await store.close();
    await orm.close(true);
  });

  it('lets tests capture events without a database', async () => {
    // #region testing
    const store = new EventStore(); // in memory
    const captured = await captureEvents(store, [OrderPaid], async () => {
      await store.publish(new OrderPaid({ orderId: '44', cents: 500 }));
    });

    expect(captured.map((event) => event.data)).toEqual([{ orderId: '44', cents: 500 }]);
    // #endregion
  });
});

describeWithRedis()('what the README shows of Redis', () => {
  it('spreads queued handlers over processes', async () => {
    const orm = await open();
    const redis = await startOwnRedis();
    const redisUrl = redis.url;

    // #region bullmq
    // redisUrl: 'redis://…'
    const store = new EventStore({
      log: mikroOrmLog(orm),
      scheduler: bullmqScheduler({
        connection: redisUrl,
        queues: { mails: { limiter: { max: 100, duration: 1_000 } } },
      }),
    });

    const mailed: string[] = [];
    store.subscribe(
      async ({ data }, { idempotencyKey }) => {
        mailed.push(`${data.orderId} ${idempotencyKey}`);
      },
      { to: [OrderPaid], run: 'queued', name: 'receipts.mail', effects: 'external', queue: 'mails' },
    );
    await using worker = await store.work({ concurrency: 32 });
    // #endregion

    const [event] = await store.publish(new OrderPaid({ orderId: '46', cents: 800 }));
    await worker.idle();
    expect(mailed).toEqual([`46 ${event?.id}:receipts.mail`]);
    await store.close();
    await orm.close(true);
  });
});
