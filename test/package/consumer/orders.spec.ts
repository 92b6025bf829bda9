import { expect, it } from '@jest/globals';
import { captureEvents } from 'handover/testing';
import 'handover/testing/jest';
import { OrderPlaced, place, store } from './events.js';

it('is placed', async () => {
  const captured = await captureEvents(store, [OrderPlaced], async () => place('7'));
  const cents: number | undefined = captured[0]?.data.cents;
  expect(cents).toBe(990);
  expect(captured).toHavePublished(OrderPlaced, { data: { orderId: '7' } });
  const asked: Promise<void> = expect(store).toHavePublished(OrderPlaced);
  await asked;
});
