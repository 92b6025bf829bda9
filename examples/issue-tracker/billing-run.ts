import type { EntityManager } from '@mikro-orm/postgresql';
import { type EventStore, HandlerFailed, type Why } from 'handover';
import { chargeHandler, chargePurchases } from './migrated/billing/charge-purchase.js';
import { UnsteadyPayments } from './migrated/billing/payments.js';
import { type PurchaseNotification, receivePurchase } from './migrated/billing/receive-purchase.js';
import { MailServer, receiptHandler, sendReceipts } from './migrated/billing/send-receipt.js';
import { PlanPurchased } from './migrated/events/plan-purchased.js';
import { until } from './until.js';
import { recordedPurchase } from './webhooks.js';

/** What came of one notification that arrived again and again. */
export interface BillingFacts {
  readonly deliveryId: string;
  readonly received: number;
  /** How many of them arrived at the same moment. */
  readonly atOnce: number;
  /** How many of them were answered as new. */
  readonly recorded: number;
  readonly events: number;
  readonly paymentCalls: number;
  readonly charges: number;
  readonly rows: readonly BillingRow[];
  readonly deadLetter: DeadLetterFacts;
}

export interface BillingRow {
  readonly account: string;
  readonly plan: string;
  readonly cents: number;
}

/** A delivery that was given up, and retried once its cause was gone. */
export interface DeadLetterFacts {
  readonly handler: string;
  readonly found: number;
  readonly why: string;
  readonly retried: number;
  readonly whyThen: string;
  readonly receipts: number;
}

export interface Billing {
  run(): Promise<BillingFacts>;
  /** The dead letter that is made on purpose is told to `store.onError` too. */
  readonly expects: (error: unknown) => boolean;
}

const [atOnce, later] = [10, 5];

/** Subscribes the handlers of billing; `run` feeds them. */
export function openBilling(store: EventStore, em: EntityManager): Billing {
  const [payments, mailServer] = [new UnsteadyPayments(), new MailServer()];
  chargePurchases(store, em, payments);
  sendReceipts(store, mailServer);
  return {
    expects: (error) => error instanceof HandlerFailed && error.handlerName === receiptHandler,
    async run() {
      const notification = {
        deliveryId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
        payload: recordedPurchase(),
      };
      const answers = await receiveAgainAndAgain(store, notification);
      const deadLetter = await retryDeadLetter(store, mailServer);
      const rows = await em
        .fork()
        .execute<BillingRow[]>('select account, plan, cents from billing_rows order by number');
      return {
        deliveryId: notification.deliveryId,
        received: answers.length,
        atOnce,
        recorded: answers.filter((answer) => answer === 'recorded').length,
        events: await store.read.ofType(PlanPurchased).count(),
        paymentCalls: payments.calls.length,
        charges: payments.charges.size,
        rows,
        deadLetter,
      };
    },
  };
}

/** Some arrive at the same moment, the others when all has long been done. */
async function receiveAgainAndAgain(store: EventStore, notification: PurchaseNotification) {
  const receive = () => receivePurchase(store, notification);
  const answers = await Promise.all(Array.from({ length: atOnce }, receive));
  await whyOnceEnded(store);
  for (let again = 0; again < later; again += 1) answers.push(await receive());
  return answers;
}

async function retryDeadLetter(store: EventStore, mailServer: MailServer): Promise<DeadLetterFacts> {
  const why = await whyOnceEnded(store);
  const dead = await store.deadLetters.list({ handler: receiptHandler });
  mailServer.isUp = true;
  const retried = await store.deadLetters.retry({ handler: receiptHandler });
  const whyThen = await whyOnceEnded(store);
  return {
    handler: receiptHandler,
    found: dead.length,
    why: why.text,
    retried,
    whyThen: whyThen.text,
    receipts: mailServer.sent.length,
  };
}

/** Waits until both handlers have had their last attempt. */
async function whyOnceEnded(store: EventStore): Promise<Why> {
  const event = await store.read.ofType(PlanPurchased).first();
  if (event === undefined) throw new Error('No purchase was recorded.');
  return until(
    () => store.why(event.id),
    ({ handlers }) =>
      handlers
        .filter(({ handler }) => [chargeHandler, receiptHandler].includes(handler))
        .every(({ state }) => ['done', 'dead', 'skipped'].includes(state)),
  );
}
