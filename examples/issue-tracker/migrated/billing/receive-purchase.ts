import { DuplicateEvent, type EventStore } from 'handover';
import { v5 as uuidFrom } from 'uuid';
import { PlanPurchased } from '../events/plan-purchased.js';

/** A webhook of kind `marketplace_purchase`, as far as it is read. */
export interface PurchaseNotification {
  /** Of the header `X-GitHub-Delivery`. It stays the same when GitHub sends the notification again. */
  readonly deliveryId: string;
  readonly payload: {
    readonly action: string;
    readonly marketplace_purchase: {
      readonly account: { readonly id: number; readonly login: string };
      readonly unit_count: number;
      readonly plan: { readonly name: string; readonly monthly_price_in_cents: number };
    };
  };
}

/** Never changes: the id of every event that began as a notification hangs on it. */
const notifications = '0f6e7a2c-52a9-4b8e-9d0e-3c1b6a7d4e55';

/**
 * Records the purchase unless it is on record. The event's id is made of the notification's, so that it does not matter
 * how often, nor in how many processes at once, it arrives: the sender hears of success each time.
 */
export async function receivePurchase(
  store: EventStore,
  { deliveryId, payload }: PurchaseNotification,
): Promise<'recorded' | 'known already'> {
  const { account, plan, unit_count: seats } = payload.marketplace_purchase;
  const event = new PlanPurchased(
    { account: account.login, plan: plan.name, seats, cents: seats * plan.monthly_price_in_cents },
    { id: uuidFrom(deliveryId, notifications) },
  );
  try {
    await store.publish(event, { stream: `Account-${account.id}` });
    return 'recorded';
  } catch (error) {
    if (error instanceof DuplicateEvent && error.eventId === event.id) return 'known already';
    throw error;
  }
}
