import { randomUUID } from 'node:crypto';
import { afterEach, describe as always, expect, it } from '@jest/globals';
import type { Job } from 'bullmq';
import { defineEvent, EventStore } from 'handover';
import { bullmqScheduler, type BullmqCron } from 'handover/bullmq';
import { cronProcessor } from '../../../adapters/bullmq/cron/cron-processor.js';
import { describeWithRedis, startOwnRedis } from '../../support/redis.js';
import { Workshop } from './workshop.js';

const workshop = new Workshop();
const describe = describeWithRedis();

class Struck extends defineEvent<{ name: string; at: string }>('Struck') {}

const striking = (schedule: Omit<BullmqCron, 'event'>): BullmqCron => ({
  ...schedule,
  event: ({ name, at }) => new Struck({ name, at: at.toISOString() }),
});

afterEach(() => workshop.closeStores());

/** Until `count` events are in `stream`. */
async function struck(store: EventStore, stream: string, count: number): Promise<readonly Struck[]> {
  const deadline = performance.now() + 25_000;
  for (;;) {
    const found = await store.read.stream(stream).ofType(Struck).toArray();
    if (found.length >= count) return found;
    if (performance.now() > deadline) throw new Error(`${found.length} of ${count} have come.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function expectOncePerSlot(events: readonly Struck[], every: number): void {
  const slots = events.map(({ data }) => Date.parse(data.at));
  expect(new Set(slots).size).toBe(slots.length);
  for (const [nth, slot] of slots.slice(1).entries()) expect((slot - (slots[nth] ?? 0)) % every).toBe(0);
}

describe('cron on Redis', () => {
  it('publishes one event for each slot, however many processes work', async () => {
    await using redis = await startOwnRedis();
    const stream = `Clock-${randomUUID()}`;
    const cron = { clock: striking({ every: 200, stream }) };
    const stores = [1, 2].map(() => workshop.store(bullmqScheduler({ connection: redis.url, cron })));
    const heard: string[] = [];
    const workers = [];
    for (const { store } of stores) {
      store.subscribe(({ data }) => heard.push(data.at), {
        to: [Struck],
        run: 'queued',
        name: stream,
        effects: 'external',
      });
      workers.push(await store.work());
    }
    const [first] = stores;
    const events = await struck(first?.store as EventStore, stream, 5);
    expectOncePerSlot(events, 200);
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(new Set(heard).size).toBe(heard.length);
    expect(stores.flatMap(({ errors }) => errors)).toEqual([]);
  });

  it('goes on after Redis has lost everything', async () => {
    await using redis = await startOwnRedis();
    const stream = `Clock-${randomUUID()}`;
    const cron = { clock: striking({ pattern: '* * * * * *', stream }) };
    const { store } = workshop.store(bullmqScheduler({ connection: redis.url, enqueueTimeout: 300, cron }));
    await using worker = await store.work();
    await struck(store, stream, 1);
    await redis.kill();
    await redis.start();
    const events = await struck(store, stream, 3);
    expectOncePerSlot(events, 1_000);
    await worker.stop();
  });
});

always('cron on PostgreSQL', () => {
  it('publishes one event for each slot, too', async () => {
    const stream = `Clock-${randomUUID()}`;
    const cron = { clock: striking({ pattern: '* * * * * *', tz: 'Europe/Vienna', stream }) };
    const options = { postgres: workshop.url, queue: `q-${randomUUID()}`, cron };
    const stores = [1, 2].map(() => workshop.store(bullmqScheduler(options)).store);
    const workers = await Promise.all(stores.map((store) => store.work()));
    const events = await struck(stores[0] as EventStore, stream, 3);
    expectOncePerSlot(events, 1_000);
    await Promise.all(workers.map((worker) => worker.stop()));
  });
});

always('a slot of cron', () => {
  it('that fires twice is recorded once', async () => {
    const store = new EventStore();
    const run = cronProcessor({ clock: striking({ every: 1_000 }) }, (event, options) =>
      store.publish(event, options),
    );
    const job = (id: string) => ({ id, name: 'clock', timestamp: 1, delay: 0 }) as Job;
    for (const id of ['repeat:clock:1000', 'repeat:clock:2000', 'repeat:clock:1000']) await run(job(id), '');
    const events = await store.read.ofType(Struck).toArray();
    expect(events.map(({ data }) => Date.parse(data.at))).toEqual([1_000, 2_000]);
    expect(events.map(({ id }) => id[14])).toEqual(['5', '5']);
  });
});
