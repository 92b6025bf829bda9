import { describe, expect, it } from '@jest/globals';
import { defineEvent, EffectScope, EventStore, runInScope } from 'handover';
import { judgedOnce } from '../../legacy/pairs/compared.js';

class ReceiptSent extends defineEvent<{ orderId: string }>('ReceiptSent') {}

const sent = (options: ConstructorParameters<typeof ReceiptSent>[1] = {}) =>
  new ReceiptSent({ orderId: '1' }, options);

async function noted(work: (store: EventStore) => Promise<unknown>) {
  const store = new EventStore();
  const scope = new EffectScope('captured');
  await runInScope(scope, () => work(store));
  expect(await store.read.toArray()).toEqual([]);
  return scope.effects;
}

const plain = { kind: 'event', type: 'ReceiptSent', stream: 'Receipt-1', data: { orderId: '1' } };
const stream = { stream: 'Receipt-1' };

describe('a further event of a captured run', () => {
  it('is noted with what its publisher gave', async () => {
    expect(await noted((store) => store.publish(sent(), stream))).toEqual([plain]);
    const metadata = { actor: 'ann', correlationId: 'c-1', causationId: 'c-2', pairs: {} };
    const given = await noted((store) => store.publish(sent({ metadata, validAt: new Date(0) }), stream));
    expect(given).toEqual([
      { ...plain, metadata: { actor: 'ann' }, validAt: { '<date>': '1970-01-01T00:00:00.000Z' } },
    ]);
    const around = await noted((store) =>
      store.withMetadata({ actor: 'bob' }, () => store.publish(sent(), stream)),
    );
    expect(around).toEqual([plain]);
  });

  it('is noted as one that tells nobody when it is appended', async () => {
    expect(await noted((store) => store.append(sent(), stream))).toEqual([{ ...plain, appended: true }]);
  });

  it.each([
    ['other metadata', (store: EventStore) => store.publish(sent({ metadata: { actor: 'bob' } }), stream)],
    ['another `validAt`', (store: EventStore) => store.publish(sent({ validAt: new Date(0) }), stream)],
    ['nobody to hear it', (store: EventStore) => store.append(sent(), stream)],
  ])('does not match one with %s', async (_title, other) => {
    const store = new EventStore();
    const same = () => store.publish(sent(), stream);
    expect(await judgedOnce({ listener: same, handler: same }, { store })).toMatchObject({
      verdict: 'match',
    });
    const sides = { listener: same, handler: () => other(store) };
    expect(await judgedOnce(sides, { store })).toMatchObject({ verdict: 'mismatch' });
  });
});
