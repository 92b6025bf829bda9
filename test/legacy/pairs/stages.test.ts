import { describe, expect, it } from '@jest/globals';
import { defineEvent, effectPort, EventStore } from 'handover';
import 'handover/testing/jest';
import { createBus, type PairOptions, type Stage } from 'handover/legacy';

class OrderPaid extends defineEvent<{ orderId: string; cents: number }>('OrderPaid') {}

/** A bus with one pair: an old mailer and the handler that shall replace it. */
function shop(options: Partial<PairOptions> & { stage: Stage }) {
  const sent: string[] = [];
  const mails = effectPort('mails', {
    send(to: string, text: string) {
      sent.push(`${to}: ${text}`);
    },
  });
  const bus = createBus();
  class Mailer {
    order_paid({ orderId, cents }: { orderId: string; cents: number }) {
      mails.send('listener', `${orderId} ${cents}`);
    }
  }
  class Checkout extends bus.Publisher() {
    pay(orderId: string, cents = 100) {
      this.broadcast('order_paid', { orderId, cents });
    }
  }
  const mailer = new Mailer();
  bus.subscribe(mailer);
  const pair = bus.pair('receipts', {
    event: OrderPaid,
    listener: [mailer, 'order_paid'],
    handler: (event: OrderPaid) => mails.send('handler', `${event.data.orderId} ${event.data.cents}`),
    normalise: (effect) => (effect.kind === 'call' ? { ...effect, args: effect.args.slice(1) } : effect),
    gate: { runs: 3, days: 0, perShape: 1 },
    ...options,
  });
  const store = new EventStore();
  const errors: unknown[] = [];
  bus.onError((error) => errors.push(error));
  bus.connect(store, {
    events: {
      order_paid: {
        event: OrderPaid,
        stream: ({ orderId }) => `Order-${orderId}`,
        args: (event) => [event.data],
      },
    },
  });
  return { bus, pair, store, sent, errors, checkout: new Checkout() };
}

async function verdictsAfter({ bus, store }: ReturnType<typeof shop>) {
  await bus.settled();
  const verdicts = await store.read.stream('handover/receipts/verdicts').toArray();
  return verdicts.map((event) => (event.data as { verdict: string }).verdict);
}

describe('a pair', () => {
  it.each([
    ['legacy', ['listener: 1 100'], []],
    ['record', ['listener: 1 100'], []],
    ['shadow', ['listener: 1 100'], ['match']],
    ['live', ['handler: 1 100'], ['match']],
    ['handler', ['handler: 1 100'], []],
    ['retired', ['handler: 1 100'], []],
  ] as const)('lets one side perform at stage %s', async (stage, performed, verdicts) => {
    const made = shop({ stage, percent: stage === 'live' ? 100 : undefined });
    made.checkout.pay('1');
    expect(await verdictsAfter(made)).toEqual(verdicts);
    expect(made.sent).toEqual(performed);
    expect(made.errors).toEqual([]);
  });

  it('keeps who performs with the event, whatever happens to its stage meanwhile', async () => {
    const { bus, pair, store, sent, checkout } = shop({ stage: 'handler' });
    checkout.pay('1');
    await pair.demote({ to: 'shadow', why: 'looks odd' });
    checkout.pay('2');
    await bus.settled();
    expect(sent.toSorted()).toEqual(['handler: 1 100', 'listener: 2 100']);
    const [first, second] = await store.read.ofType(OrderPaid).toArray();
    expect(first?.metadata['pairs']).toEqual({
      receipts: { stage: 'handler', performs: 'handler', compared: false },
    });
    expect(second?.metadata['pairs']).toMatchObject({ receipts: { stage: 'shadow', performs: 'listener' } });
  });

  it('splits streams in live, and keeps the share that it has while the percentage grows', async () => {
    const performers = async (percent: number) => {
      const { bus, sent, checkout } = shop({ stage: 'live', percent });
      for (let order = 0; order < 200; order += 1) checkout.pay(`${order}`);
      await bus.settled();
      expect(sent).toHaveLength(200);
      return new Set(sent.filter((mail) => mail.startsWith('handler')));
    };
    const [some, more] = [await performers(20), await performers(60)];
    expect(some.size).toBeGreaterThan(20);
    expect(some.size).toBeLessThan(60);
    expect([...some].filter((mail) => !more.has(mail))).toEqual([]);
    expect(more.size).toBeGreaterThan(90);
  });

  it('lets the listener perform while no store is connected', () => {
    const bus = createBus();
    const heard: unknown[] = [];
    const listener = { order_paid: (order: unknown) => heard.push(order) };
    bus.subscribe(listener);
    bus.pair('receipts', {
      event: OrderPaid,
      listener: [listener, 'order_paid'],
      handler: () => undefined,
      stage: 'handler',
    });
    bus.publisher({}).broadcast('order_paid', { orderId: '1', cents: 1 });
    expect(heard).toEqual([{ orderId: '1', cents: 1 }]);
  });

  it('goes forward on evidence only, one stage at a time, and back at once', async () => {
    const { bus, pair, checkout, store } = shop({ stage: 'legacy' });
    await expect(pair.promote({ to: 'shadow' })).rejects.toMatchObject({ code: 'stage_skipped' });
    await pair.promote({ who: 'ann' });
    await pair.promote({ who: 'ann' });
    expect(pair.stage).toBe('shadow');
    checkout.pay('1');
    await bus.settled();
    await expect(pair.promote()).rejects.toMatchObject({
      code: 'promotion_refused',
      failed: [
        { name: 'runs', found: '1 matches in a row of 3' },
        { name: 'saboteur', found: 'no fault was planted' },
      ],
    });
    pair.sabotage();
    for (const order of ['2', '3', '4', '5']) checkout.pay(order);
    await bus.settled();
    await pair.promote({ who: 'ann', percent: 10 });
    expect([pair.stage, pair.percent]).toEqual(['live', 10]);
    await pair.demote({ to: 'legacy', who: 'bob', why: 'Friday' });
    expect(pair.stage).toBe('legacy');
    const moves = await store.read.stream('handover/receipts').toArray();
    expect(moves.map(({ data }) => data)).toMatchObject([
      { from: 'legacy', to: 'record', who: 'ann', evidence: null },
      { from: 'record', to: 'shadow' },
      { from: 'shadow', to: 'live', percent: 10, overridden: false, evidence: { streak: 4 } },
      { from: 'live', to: 'legacy', who: 'bob', why: 'Friday' },
    ]);
  });

  it('passes a test when its sides do the same, and is missed when nothing was compared', async () => {
    const { pair, checkout } = shop({ stage: 'shadow' });
    await expect(expect(pair).toBeAtParity()).rejects.toThrow('Expected 1 comparisons or more');
    checkout.pay('1');
    await expect(pair).toBeAtParity();
    await expect(expect(pair).toBeAtParity({ compared: 2 })).rejects.toThrow('Expected 2 comparisons');
  });

  it('says what differs', async () => {
    const made = shop({
      stage: 'shadow',
      handler: () => undefined,
    });
    made.checkout.pay('1');
    expect(await verdictsAfter(made)).toEqual(['mismatch']);
    expect((await made.pair.report()).text).toContain('mails.send: listener');
    await expect(expect(made.pair).toBeAtParity()).rejects.toThrow(/1 × mismatch[^]*"port": "mails"/);
    expect(made.sent).toEqual(['listener: 1 100']);
  });
});
