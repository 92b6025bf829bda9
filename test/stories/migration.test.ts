import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore, memoryLog } from 'handover';
import { createBus, recordEmitter } from 'handover/legacy';
import { entityEvents, ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { captureEvents } from 'handover/testing';
import { EventEmitter } from 'eventemitter3';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await database.drop();
});

const CatalogItem = defineEntity({
  name: 'StoryItem',
  tableName: 'story_item',
  properties: { id: p.integer().primary(), amount: p.integer() },
});

// #region event
class ProductInterestChanged extends defineEvent<{ partyId: string; added: number[] }>(
  'ProductInterestChanged',
) {}
// #endregion

class PriceUpdated extends defineEvent<{ itemId: number; was: number; now: number }>('PriceUpdated') {}

describe('what MIGRATION.md shows', () => {
  it('swaps one import and keeps every listener', () => {
    const called: unknown[] = [];

    // #region listen
    const bus = createBus();

    class Party extends bus.Publisher() {
      constructor(readonly id: string) {
        super();
      }
      interestedIn(...productIds: number[]) {
        this.broadcast('product_interest_changed', { partyId: this.id, added: productIds });
      }
    }

    class CampaignListener {
      product_interest_changed({ partyId, added }: { partyId: string; added: number[] }) {
        called.push(partyId, added);
      }
    }

    bus.subscribe(new CampaignListener());
    // #endregion

    new Party('p-1').interestedIn(1, 2);
    expect(called).toEqual(['p-1', [1, 2]]);
  });

  it('records everything, then types it, then handles it, then publishes it from new code', async () => {
    const bus = createBus();
    const heard: unknown[] = [];
    bus.subscribe({ product_interest_changed: (change: unknown) => heard.push(change) });
    const party = bus.publisher({});
    const orm = await MikroORM.init({
      ...ignoreHandoverSchema(),
      clientUrl: database.url,
      entities: [CatalogItem],
    });

    // #region record
    const store = new EventStore({ log: mikroOrmLog(orm) });
    await store.migrate();

    const disconnect = bus.connect(store); // unmapped broadcasts are recorded under their own names
    bus.onError((error) => console.error(error));
    // #endregion

    party.broadcast('product_interest_changed', { partyId: 'p-1', added: [1] });
    await bus.settled();

    using printed = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    // #region record-proof
    for await (const event of store.read.ofType('product_interest_changed').backward().limit(5)) {
      console.log(event.timestamp, event.data); // { args: [{ partyId: 'p-1', added: [1] }] }
    }
    // #endregion
    expect(printed.mock.calls).toEqual([[expect.any(Date), { args: [{ partyId: 'p-1', added: [1] }] }]]);
    expect(await store.read.ofType('product_interest_changed').count()).toBe(1);
    disconnect();

    // #region type
    bus.connect(store, {
      events: {
        product_interest_changed: ProductInterestChanged, // one plain object: it is the data, both ways
      },
    });
    // #endregion
    party.broadcast('product_interest_changed', { partyId: 'p-2', added: [2] });
    await bus.settled();
    expect((await store.read.ofType(ProductInterestChanged).first())?.data.partyId).toBe('p-2');

    const interests = new Map<string, number[]>();
    // #region handle
    const unsubscribe = store.subscribe(
      async (event) => {
        interests.set(event.data.partyId, event.data.added);
      },
      { to: [ProductInterestChanged], name: 'interests' },
    );
    // #endregion
    party.broadcast('product_interest_changed', { partyId: 'p-3', added: [3] });
    await bus.settled();
    expect(interests).toEqual(new Map([['p-3', [3]]]));

    heard.length = 0;
    // #region publish
    await store.publish(new ProductInterestChanged({ partyId: 'p-4', added: [4] }), { stream: 'Party-p-4' });
    // #endregion
    expect(heard).toEqual([{ partyId: 'p-4', added: [4] }]);
    unsubscribe();
    await store.close();
    await orm.close(true);
  });

  it('turns entity callbacks into events of the change set', async () => {
    const orm = await MikroORM.init({
      ...ignoreHandoverSchema(),
      clientUrl: database.url,
      entities: [CatalogItem],
    });
    const store = new EventStore({ log: mikroOrmLog(orm) });
    await store.migrate();
    await orm.em.execute('create table story_item (id int primary key, amount int not null)');

    // #region entities
    entityEvents(orm, store, (on) => {
      on(CatalogItem).changed(
        'amount',
        (item, { was, now }) => new PriceUpdated({ itemId: item.id, was, now }),
        { stream: (item) => `CatalogItem-${item.id}` },
      );
    });
    // #endregion

    const em = orm.em.fork();
    const item = em.create(CatalogItem, { id: 7, amount: 10 });
    await em.flush();
    item.amount = 12;
    await em.flush();
    expect((await store.read.stream('CatalogItem-7').toArray()).map((event) => event.data)).toEqual([
      { itemId: 7, was: 10, now: 12 },
    ]);
    await store.close();
    await orm.close(true);
  });

  it('records what existing emitters emit', async () => {
    const bus = createBus();
    const store = new EventStore({ log: memoryLog() });
    bus.connect(store);
    const existing = new EventEmitter();

    // #region emitter
    const undo = recordEmitter(existing, bus); // existing listeners hear everything as before
    // #endregion

    existing.emit('order:placed', { id: 1 });
    undo();
    await bus.settled();
    expect((await store.read.first())?.type).toBe('order:placed');
  });

  it('proves in a test what a publisher says', async () => {
    const bus = createBus();
    class Party extends bus.Publisher() {
      interestedIn(...added: number[]) {
        this.broadcast('product_interest_changed', { partyId: 'p-1', added });
      }
    }

    // #region capture
    const store = new EventStore(); // in memory
    bus.connect(store, { events: { product_interest_changed: ProductInterestChanged } });

    const captured = await captureEvents(store, [ProductInterestChanged], () => new Party().interestedIn(1));
    expect(captured).toHaveLength(1);
    // #endregion
  });

  it('hands the jobs of a queue to a queued handler', async () => {
    const bus = createBus();
    const jobs: unknown[][] = [];
    bus.configure((config) => config.broadcaster('async', { broadcast: (...job) => void jobs.push(job) }));
    const sent: string[] = [];
    class InterestMailer {
      product_interest_changed() {}
    }
    const mailer = {
      isDown: true,
      async send(partyId: string, key: string) {
        if (this.isDown) throw new Error('The mail server is down');
        sent.push(`${partyId} ${key}`);
      },
    };

    // #region queue-before
    bus.subscribe(new InterestMailer(), { async: true }); // the broadcaster makes a job of each broadcast
    // #endregion

    const store = new EventStore({ log: memoryLog() });
    const givenUp = new Promise((resolve) => store.onError(resolve));
    bus.connect(store, { events: { product_interest_changed: ProductInterestChanged } });

    // #region queue-after
    store.subscribe(async ({ data }, { idempotencyKey }) => mailer.send(data.partyId, idempotencyKey), {
      to: [ProductInterestChanged],
      run: 'queued',
      name: 'interest-mailer',
      effects: 'external', // it writes no rows of ours
      attempts: 3,
      backoff: 100, // milliseconds before the second attempt; they double
    });
    await using worker = await store.work();
    // #endregion

    bus.publisher({}).broadcast('product_interest_changed', { partyId: 'p-5', added: [5] });
    await givenUp;
    expect(jobs).toHaveLength(1);
    const [dead] = await store.deadLetters.list();
    expect(dead).toMatchObject({ handler: 'interest-mailer', attempt: 3 });
    mailer.isDown = false;

    using printed = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    // #region dead-set
    for (const { eventId, lastError } of await store.deadLetters.list({ handler: 'interest-mailer' })) {
      console.log(eventId, lastError?.message);
    }
    await store.deadLetters.retry({ handler: 'interest-mailer' });
    // #endregion

    expect(printed).toHaveBeenCalledWith(dead?.eventId, 'The mail server is down');
    await worker.idle();
    expect(sent).toEqual([`p-5 ${dead?.eventId}:interest-mailer`]);
  });
});
