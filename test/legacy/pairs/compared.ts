import { defineEvent, EventStore } from 'handover';
import { createBus, PairJudged, type PairOptions, type Verdict } from 'handover/legacy';

export interface Order {
  readonly orderId: string;
  readonly cents: number;
}

export class OrderPaid extends defineEvent<Order>('OrderPaid') {}

/** What the two sides of a pair do with an order. */
export interface Sides {
  readonly listener: (order: Order) => unknown;
  readonly handler: (order: Order, event: OrderPaid) => unknown;
}

export interface Comparison extends Partial<PairOptions> {
  readonly store?: EventStore;
  /** What the publisher does around its broadcast; default: nothing. */
  readonly publish?: (broadcast: () => void) => unknown;
}

let pairs = 0;

/** Lets a pair compare one order. Gives back its verdicts and what the bus reported. */
export async function compared(
  { listener, handler }: Sides,
  { store = new EventStore(), publish = (broadcast) => broadcast(), ...options }: Comparison = {},
) {
  pairs += 1;
  const name = `pair-${pairs}`;
  const bus = createBus();
  const errors: unknown[] = [];
  bus.onError((error) => errors.push(error));
  const old = { order_paid: (order: Order) => listener(order) };
  bus.subscribe(old);
  bus.pair(name, {
    event: OrderPaid,
    listener: [old, 'order_paid'],
    handler: (event: OrderPaid) => handler(event.data, event),
    stage: 'shadow',
    ...options,
  });
  const disconnect = bus.connect(store, {
    events: {
      order_paid: {
        event: OrderPaid,
        stream: ({ orderId }) => `Order-${orderId}`,
        args: ({ data }) => [data],
      },
    },
  });
  class Checkout extends bus.Publisher() {
    pay() {
      this.broadcast('order_paid', { orderId: `${pairs}`, cents: 100 });
    }
  }
  const checkout = new Checkout();
  await publish(() => checkout.pay());
  await bus.settled();
  const judged = async (): Promise<readonly Verdict[]> => {
    await bus.settled();
    const events = await store.read.stream(`handover/${name}/verdicts`).ofType(PairJudged).toArray();
    return events.map(({ data }) => data);
  };
  return { verdicts: await judged(), judged, errors, bus, disconnect };
}

/** The one verdict of {@link compared}, and the guards gone. */
export async function judgedOnce(sides: Sides, options: Comparison = {}): Promise<Verdict> {
  const { verdicts, errors, disconnect } = await compared(sides, options);
  disconnect();
  const [verdict] = verdicts;
  if (verdict === undefined || verdicts.length > 1) {
    throw new Error(
      `Expected one verdict, got ${JSON.stringify(verdicts)}; errors: ${errors.map(String).join()}`,
    );
  }
  return verdict;
}
