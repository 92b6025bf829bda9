import type { EntityManager } from '@mikro-orm/postgresql';
import type { EventStore, HandlerContext } from 'handover';
import { PlanPurchased } from '../events/plan-purchased.js';
import type { Payments } from './payments.js';

export const chargeHandler = 'billing.charge';

/** Nothing here is unique but the number: a purchase that is charged twice would show as two rows. */
export const billingTable = `
  create table billing_rows (
    number integer generated always as identity primary key,
    account text not null,
    plan text not null,
    cents integer not null,
    charge text not null
  )`;

/**
 * Charges each purchase once. The row is written once because its transaction marks the delivery as done; the payment
 * service, outside of it, is told the delivery's idempotency key and so takes the money once.
 */
export function chargePurchases(store: EventStore, em: EntityManager, payments: Payments): () => void {
  const handler = async (
    { data: { account, plan, cents } }: PlanPurchased,
    { idempotencyKey }: HandlerContext,
  ) => {
    const charge = await payments.charge({ account, cents, idempotencyKey });
    await em.execute('insert into billing_rows (account, plan, cents, charge) values (?, ?, ?, ?)', [
      account,
      plan,
      cents,
      charge,
    ]);
  };
  return store.subscribe(handler, {
    to: [PlanPurchased],
    run: 'queued',
    name: chargeHandler,
    attempts: 5,
    backoff: 100,
  });
}
