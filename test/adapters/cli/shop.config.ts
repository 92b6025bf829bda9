import { defineEvent, effectPort, EventStore, memoryLog } from 'handover';
import { createBus } from 'handover/legacy';

export class OrderPaid extends defineEvent<{ orderId: string; gift?: true }>('OrderPaid') {}

const log = memoryLog();

/** A shop whose new handler forgets to thank for gifts. Every call opens it anew, on the same log. */
export function openShop() {
  const bus = createBus();
  const mails = effectPort('mails', { send: (_to: string, _text: string) => undefined });
  class Mailer {
    order_paid({ orderId }: { orderId: string }) {
      mails.send(orderId, 'thanks');
    }
  }
  class Statistics {
    order_paid() {}
  }
  const mailer = new Mailer();
  bus.subscribe(mailer);
  bus.subscribe(new Statistics());
  bus.pair('receipts', {
    event: OrderPaid,
    listener: [mailer, 'order_paid'],
    handler: ({ data }: OrderPaid) => {
      if (data.gift !== true) mails.send(data.orderId, 'thanks');
    },
    stage: 'shadow',
    gate: { runs: 3, days: 0, perShape: 1 },
  });
  const store = new EventStore({ log });
  bus.connect(store, { events: { order_paid: OrderPaid } });
  return { bus, store };
}

// oxlint-disable-next-line import/no-default-export -- what the command line looks for
export default openShop;
