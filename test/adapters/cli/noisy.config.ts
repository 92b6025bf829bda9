import { defineEvent, effectPort, EventStore } from 'handover';
import { createBus } from 'handover/legacy';

class OrderPaid extends defineEvent<{ orderId: string }>('OrderPaid') {}

/** A shop whose listener numbers its mails, and three orders that were paid while it was recorded. */
async function openNoisyShop() {
  let mailsSent = 0;
  const mails = effectPort('mails', { send: (_mail: object) => undefined });
  const mailer = {
    order_paid({ orderId }: { orderId: string }) {
      mailsSent += 1;
      mails.send({ to: orderId, number: mailsSent });
    },
  };
  const bus = createBus();
  bus.subscribe(mailer);
  bus.pair('receipts', {
    event: OrderPaid,
    listener: [mailer, 'order_paid'],
    handler: () => undefined,
    stage: 'record',
    noise: 2,
    masks: ['mails.send › 0 › cc'],
  });
  const store = new EventStore();
  bus.connect(store, { events: { order_paid: { event: OrderPaid, args: ({ data }) => [data] } } });
  for (const orderId of ['1', '2', '3']) bus.publisher({}).broadcast('order_paid', { orderId });
  await bus.settled();
  return { bus, store };
}

// oxlint-disable-next-line import/no-default-export -- what the command line looks for
export default openNoisyShop;
