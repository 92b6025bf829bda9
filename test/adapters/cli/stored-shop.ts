import { defineEntity, p } from '@mikro-orm/postgresql';
import { defineEvent, type EventStore } from 'handover';
import { type Bus, createBus } from 'handover/legacy';

class OrderPaid extends defineEvent<{ orderId: string }>('OrderPaid') {}

export const entities = [
  defineEntity({ name: 'StoredOrder', tableName: 'stored_order', properties: { id: p.string().primary() } }),
];

/** A shop with one pair, which tells its errors to the process. */
export function connectBus(store: EventStore): Bus {
  const bus = createBus();
  const mailer = { order_paid() {} };
  bus.subscribe(mailer);
  bus.pair('receipts', { event: OrderPaid, listener: [mailer, 'order_paid'], handler() {}, stage: 'shadow' });
  bus.connect(store, { events: { order_paid: OrderPaid } });
  return bus;
}
