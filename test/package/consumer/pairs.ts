import { OpenFeature } from '@openfeature/server-sdk';
import { effectPort } from 'handover';
import { openFeatureFlags } from 'handover/openfeature';
import { bus } from './bus.js';
import { OrderPaid } from './events.js';

const mails = effectPort('mails', { send: (to: string) => to.length }, { returns: { send: 0 } });
const mailer = { order_paid: ({ orderId }: { orderId: string }) => mails.send(orderId) };
bus.subscribe(mailer);

const pair = bus.pair('receipts', {
  event: OrderPaid,
  listener: [mailer, 'order_paid'],
  handler: (event: OrderPaid) => mails.send(event.data.orderId),
  stage: 'shadow',
  flags: openFeatureFlags(OpenFeature.getClient()),
});

console.log((await pair.report()).text);
