import { expect, it } from '@jest/globals';
import { defineEvent, effectPort, EventStore, memoryLog, type EventLog } from 'handover';
import { createBus, PairJudged } from 'handover/legacy';

class Paid extends defineEvent<{ order: number }>('Paid') {}

const never = new Promise<never>(() => undefined);

/** One process on the log, whose listener never comes to an end with order 0. */
function start(log: EventLog) {
  const work = effectPort('work', { done: (_order: number) => undefined });
  const bus = createBus();
  const listener = {
    paid({ order }: { order: number }) {
      work.done(order);
      return order === 0 ? never : undefined;
    },
  };
  bus.subscribe(listener);
  const pair = bus.pair('pay', {
    event: Paid,
    listener: [listener, 'paid'],
    handler: ({ data }: Paid) => work.done(data.order),
    subscribe: { run: 'queued', name: 'pay', effects: 'external' },
    stage: 'shadow',
  });
  const store = new EventStore({ log });
  bus.connect(store, { events: { paid: { event: Paid, stream: ({ order }) => `Order-${order}` } } });
  return { bus, pair, store };
}

// Seen failing with observations written one after the other: none after the first was ever written.
it('a listener that never ends keeps no other one from being compared in another process', async () => {
  const log = memoryLog();
  const publishing = start(log);
  const handling = start(log);
  const publisher = publishing.bus.publisher({});
  for (let order = 0; order < 5; order += 1) publisher.broadcast('paid', { order });
  const worker = await handling.store.work();
  await worker.idle();
  await handling.pair.settled();
  const verdicts = await handling.store.read.ofType(PairJudged).toArray();
  expect(verdicts.map(({ data }) => data.verdict).toSorted()).toEqual([
    'match',
    'match',
    'match',
    'match',
    'missing',
  ]);
  await worker.stop();
}, 30_000);
