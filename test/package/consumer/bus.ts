import { createBus, recordEmitter } from 'handover/legacy';
import { EventEmitter } from 'node:events';
import { OrderPaid, store } from './events.js';

export const bus = createBus();

class Checkout extends bus.Publisher() {
  pay(orderId: string): void {
    this.broadcast('order_paid', { orderId });
  }
}

bus.subscribe({ order_paid: ({ orderId }: { orderId: string }) => orderId }, { on: 'order_paid' });
bus.onError((error) => console.error(error));
bus.connect(store, { events: { order_paid: OrderPaid } });
recordEmitter(new EventEmitter(), bus);

new Checkout().pay('7');
await bus.settled();
