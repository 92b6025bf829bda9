import { defineEvent, EventStore, memoryLog, type Recorded, WrongExpectedVersion } from 'handover';
import { z } from 'zod';

export class OrderPlaced extends defineEvent<{ orderId: string; cents: number }>('OrderPlaced') {}
export class OrderPaid extends defineEvent('OrderPaid', z.object({ orderId: z.string() })) {}

export const store = new EventStore({ log: memoryLog(), events: [OrderPlaced] });

store.subscribe(async (event) => event.data.cents.toFixed(2), { to: [OrderPlaced] });
// @ts-expect-error The data of this event has no such field.
store.subscribe(async (event) => event.data.euros, { to: [OrderPlaced] });

export async function place(orderId: string): Promise<readonly Recorded<OrderPlaced>[]> {
  try {
    return await store.publish(new OrderPlaced({ orderId, cents: 990 }), {
      stream: `Order-${orderId}`,
      expectedVersion: 'none',
    });
  } catch (error) {
    if (error instanceof WrongExpectedVersion)
      throw new Error(`${error.code}: placed before`, { cause: error });
    throw error;
  }
}

export async function total(orderId: string): Promise<number> {
  const placed = store.read.stream(`Order-${orderId}`).ofType(OrderPlaced);
  return placed.reduce((cents, event) => cents + event.data.cents, 0);
}
