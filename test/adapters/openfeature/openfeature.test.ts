import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { InMemoryProvider, OpenFeature } from '@openfeature/server-sdk';
import { defineEvent, effectPort, EventStore } from 'handover';
import { createBus, type Stage } from 'handover/legacy';
import { openFeatureFlags } from 'handover/openfeature';

class OrderPaid extends defineEvent<{ orderId: string }>('OrderPaid') {}

afterAll(() => OpenFeature.close());

async function eventually(what: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!what() && performance.now() < deadline) await nextTurn();
  expect(what()).toBe(true);
}

async function shop(domain: string, stages: Record<string, string>, stage: Stage = 'legacy') {
  const provider = new InMemoryProvider({
    'handover.receipts': {
      variants: stages,
      defaultVariant: 'everybody',
      disabled: false,
      contextEvaluator: ({ targetingKey }) =>
        targetingKey !== undefined && targetingKey in stages ? targetingKey : 'everybody',
    },
  });
  await OpenFeature.setProviderAndWait(domain, provider);
  const bus = createBus();
  const performed: string[] = [];
  const errors: Error[] = [];
  bus.onError((error) => errors.push(error));
  const work = effectPort('work', {
    by: (side: string, order: string) => performed.push(`${side} ${order}`),
  });
  const listener = { order_paid: ({ orderId }: { orderId: string }) => work.by('listener', orderId) };
  bus.subscribe(listener);
  const pair = bus.pair('receipts', {
    event: OrderPaid,
    listener: [listener, 'order_paid'],
    handler: ({ data }: OrderPaid) => work.by('handler', data.orderId),
    stage,
    flags: openFeatureFlags(OpenFeature.getClient(domain)),
  });
  const store = new EventStore();
  bus.connect(store, {
    events: { order_paid: { event: OrderPaid, stream: ({ orderId }) => `Order-${orderId}` } },
  });
  await pair.ready();
  const say = (everybody: string) =>
    provider.putConfiguration({
      'handover.receipts': { variants: { everybody }, defaultVariant: 'everybody', disabled: false },
    });
  return { bus, pair, store, performed, errors, provider, say };
}

describe('a pair whose stage is an OpenFeature flag', () => {
  it('follows the flag step by step, and writes each move into its ledger', async () => {
    const { pair, store, say } = await shop('steps', { everybody: 'record' });
    await eventually(() => pair.stage === 'record');
    say('shadow');
    await eventually(() => pair.stage === 'shadow');
    say('live:25');
    await eventually(() => pair.stage === 'live' && pair.percent === 25);
    say('legacy');
    await eventually(() => pair.stage === 'legacy');
    const moves = await store.read.stream('handover/receipts').toArray();
    expect(moves.map(({ data }) => data)).toMatchObject([
      { to: 'record', who: 'flag', why: 'flag handover.receipts' },
      { to: 'shadow' },
      { to: 'live', percent: 25, overridden: true },
      { to: 'legacy' },
    ]);
    await store.close();
  }, 30_000);

  it('does not skip a stage, and says so', async () => {
    const { pair, store, errors } = await shop('skips', { everybody: 'handler' });
    await eventually(() => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: 'stage_skipped' });
    expect(pair.stage).toBe('legacy');
    await store.close();
  });

  it('stays where it was while the flag cannot be looked up', async () => {
    const { bus, pair, store, performed, provider } = await shop('down', { everybody: 'record' });
    await eventually(() => pair.stage === 'record');
    provider.putConfiguration({});
    for (let looks = 0; looks < 3; looks += 1) await pair.ready();
    bus.publisher({}).broadcast('order_paid', { orderId: '1' });
    await bus.settled();
    expect(pair.stage).toBe('record');
    expect(performed).toEqual(['listener 1']);
    await store.close();
  });

  it('lets the handler perform for the streams that the flag names', async () => {
    const flags = { everybody: 'shadow', 'Order-7': 'live' };
    const { bus, store, performed } = await shop('streams', flags, 'shadow');
    const publisher = bus.publisher({});
    publisher.broadcast('order_paid', { orderId: '7' });
    await bus.settled();
    await eventually(() => {
      publisher.broadcast('order_paid', { orderId: '7' });
      return performed.at(-1) !== 'listener 7';
    });
    await bus.settled();
    publisher.broadcast('order_paid', { orderId: '8' });
    await bus.settled();
    expect(performed).toContain('handler 7');
    expect(performed.at(-1)).toBe('listener 8');
    await store.close();
  });
});
