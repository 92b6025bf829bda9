import { describe, expect, it } from '@jest/globals';
import 'handover/testing/jest';
import { defineEvent, EventStore } from 'handover';
import { captureEvents } from 'handover/testing';

class OrderPlaced extends defineEvent<{ id: string; cents?: number }>('OrderPlaced') {}
class CartEmptied extends defineEvent<{ cart: string }>('CartEmptied') {}

describe('toHavePublished', () => {
  it('finds a captured event by its class', async () => {
    const store = new EventStore();
    const captured = await captureEvents(store, () => store.publish(new OrderPlaced({ id: 'o-1' })));
    expect(captured).toHavePublished(OrderPlaced);
    expect(captured).not.toHavePublished(CartEmptied);
  });

  it('compares a part of data and metadata, and the whole when strict', async () => {
    const store = new EventStore();
    const order = new OrderPlaced({ id: 'o-1', cents: 900 }, { metadata: { actor: 'u1' } });
    const captured = await captureEvents(store, () => store.publish(order, { stream: 'Order-1' }));
    expect(captured).toHavePublished(OrderPlaced, { data: { id: 'o-1' }, metadata: { actor: 'u1' } });
    expect(captured).toHavePublished(OrderPlaced, { stream: 'Order-1' });
    expect(captured).not.toHavePublished(OrderPlaced, { stream: 'Order-2' });
    expect(captured).not.toHavePublished(OrderPlaced, { data: { id: 'o-1' }, strict: true });
    expect(captured).toHavePublished(OrderPlaced, { data: { id: 'o-1', cents: 900 }, strict: true });
  });

  it('counts', async () => {
    const store = new EventStore();
    const captured = await captureEvents(store, () =>
      store.publish([new OrderPlaced({ id: 'o-1' }), new OrderPlaced({ id: 'o-2' })]),
    );
    expect(captured).toHavePublished(OrderPlaced, { times: 2 });
    expect(captured).not.toHavePublished(OrderPlaced, { times: 1 });
    expect(captured).toHavePublished(CartEmptied, { times: 0 });
  });

  it('refuses other events beside the expected ones when strict', async () => {
    const store = new EventStore();
    const captured = await captureEvents(store, () =>
      store.publish([new OrderPlaced({ id: 'o-1' }), new CartEmptied({ cart: 'c-7' })]),
    );
    expect(captured).not.toHavePublished(OrderPlaced, { strict: true });
  });

  it('asks a store or a reader when awaited', async () => {
    const store = new EventStore();
    await store.publish(new OrderPlaced({ id: 'o-1' }), { stream: 'Order-1' });
    await expect(store).toHavePublished(OrderPlaced, { data: { id: 'o-1' } });
    await expect(store.read.stream('Order-2')).not.toHavePublished(OrderPlaced);
    await expect(store.read.stream('Order-2')).toHavePublishedNothing();
  });

  it('says what was wanted, what came and what was nearest', async () => {
    const store = new EventStore();
    const captured = await captureEvents(store, () =>
      store.publish([new CartEmptied({ cart: 'c-7' }), new OrderPlaced({ id: 'o-1', cents: 990 })]),
    );
    expect(() => expect(captured).toHavePublished(OrderPlaced, { data: { cents: 900 } })).toThrow(
      [
        'Expected OrderPlaced data {"cents": 900} to be published.',
        '',
        '  published meanwhile (2):',
        '    CartEmptied {"cart": "c-7"}',
        '    OrderPlaced {"cents": 990, "id": "o-1"}   ← right type, data differs: {"cents": 990, "id": "o-1"}, wanted {"cents": 900}',
      ].join('\n'),
    );
  });

  it('refuses what is no event class and what holds no events', () => {
    expect(() => expect([]).toHavePublished('OrderPlaced' as never)).toThrow('an event class');
    expect(() => expect(42).toHavePublished(OrderPlaced)).toThrow(
      'captured events, a reader or an EventStore',
    );
  });
});

describe('toBeEvent', () => {
  it('judges one event', () => {
    expect(new OrderPlaced({ id: 'o-1' })).toBeEvent(OrderPlaced, { data: { id: 'o-1' } });
    expect(new OrderPlaced({ id: 'o-1' })).not.toBeEvent(CartEmptied);
  });
});
