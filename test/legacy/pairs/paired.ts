import { EventStore } from 'handover';
import { createBus, PairJudged, type PairOptions } from 'handover/legacy';
import { OrderPaid, type Order, type Sides } from './compared.js';

export interface Pairing extends Partial<PairOptions> {
  readonly store?: EventStore;
  /** False: the mapping of the event gives no `args`. */
  readonly mapsArgs?: boolean;
}

/** A bus with one pair named `receipts`, in the shadow unless told otherwise, and a publisher that pays orders. */
export function paired(
  { listener, handler }: Sides,
  { store = new EventStore(), mapsArgs = true, ...options }: Pairing = {},
) {
  const bus = createBus();
  const errors: Error[] = [];
  bus.onError((error) => errors.push(error));
  const old = { order_paid: (order: Order) => listener(order) };
  bus.subscribe(old);
  const pair = bus.pair('receipts', {
    event: OrderPaid,
    listener: [old, 'order_paid'],
    handler: (event: OrderPaid) => handler(event.data, event),
    stage: 'shadow',
    gate: { runs: 3, days: 0, perShape: 1 },
    ...options,
  });
  const disconnect = bus.connect(store, {
    events: {
      order_paid: {
        event: OrderPaid,
        stream: ({ orderId }) => `Order-${orderId}`,
        ...(mapsArgs && { args: ({ data }) => [data] }),
      },
    },
  });
  const publisher = bus.publisher({});
  let paid = 0;
  return {
    bus,
    pair,
    store,
    errors,
    disconnect,
    /** Pays orders one after the other, and waits until everything is compared. */
    pay: async (times = 1) => {
      for (let nth = 0; nth < times; nth += 1) {
        paid += 1;
        publisher.broadcast('order_paid', { orderId: `${paid}`, cents: 100 * paid });
      }
      await bus.settled();
    },
    publish: (order: unknown) => void publisher.broadcast('order_paid', order),
    verdicts: async () => {
      await bus.settled();
      const events = await store.read.stream('handover/receipts/verdicts').ofType(PairJudged).toArray();
      return events.map(({ data }) => data);
    },
  };
}
