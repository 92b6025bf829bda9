import { describe, expect, it } from '@jest/globals';
import { EventStore, memoryLog } from 'handover';
import { createBus, type Stage } from 'handover/legacy';
import { OrderPaid, type Order } from './compared.js';

const stages: readonly Stage[] = ['legacy', 'record', 'shadow', 'live', 'handler', 'retired'];

function shop(stage: Stage, { log = memoryLog(), mapsArgs = false } = {}) {
  const performed: string[] = [];
  const bus = createBus();
  const listener = { order_paid: ({ orderId }: Order) => void performed.push(`listener ${orderId}`) };
  bus.subscribe(listener);
  const pair = bus.pair('receipts', {
    event: OrderPaid,
    listener: [listener, 'order_paid'],
    handler: ({ data }: OrderPaid) => void performed.push(`handler ${data.orderId}`),
    subscribe: { run: 'queued', name: 'receipts' },
    stage,
    percent: stage === 'live' ? 50 : undefined,
  });
  const store = new EventStore({ log });
  bus.connect(store, {
    events: {
      order_paid: {
        event: OrderPaid,
        data: (order) => order,
        ...(mapsArgs && { args: (event: OrderPaid) => [event.data] }),
      },
    },
  });
  return { bus, pair, store, performed };
}

describe('an event that is published past its listeners', () => {
  // P8. Seen failing with decisions by the stage alone: nobody performed it.
  it.each(stages)(
    'is performed by the handler at stage %s where the mapping tells listeners nothing',
    async (stage) => {
      const { store, performed } = shop(stage);
      await store.publish(new OrderPaid({ orderId: '1', cents: 1 }));
      await (await store.work()).idle();
      await store.close();
      expect(performed).toEqual(['handler 1']);
    },
  );

  it('leaves what is broadcast to the stage', async () => {
    const { bus, store, performed } = shop('record');
    bus.publisher({}).broadcast('order_paid', { orderId: '1', cents: 1 });
    await bus.settled();
    await (await store.work()).idle();
    await store.close();
    expect(performed).toEqual(['listener 1']);
  });
});

describe('an event of a process without the bus', () => {
  // P8. Seen failing with nobody for events without a decision.
  it('is performed by the handler once the ledger says so, and not before', async () => {
    const log = memoryLog();
    const { pair, store, performed } = shop('shadow', { log, mapsArgs: true });
    const elsewhere = new EventStore({ log });
    const worker = await store.work();
    await elsewhere.publish(new OrderPaid({ orderId: 'early', cents: 1 }));
    await worker.idle();
    expect(performed).toEqual([]);
    const force = { override: true, why: 'a test' } as const;
    await pair.promote({ ...force, percent: 100 });
    await pair.promote(force);
    expect(pair.stage).toBe('handler');
    await elsewhere.publish(new OrderPaid({ orderId: 'late', cents: 1 }));
    await worker.idle();
    await store.close();
    await elsewhere.close();
    expect(performed).toEqual(['handler late']);
  });
});
