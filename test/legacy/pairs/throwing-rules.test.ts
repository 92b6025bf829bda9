import { describe, expect, it } from '@jest/globals';
import { effectPort, type Effect } from 'handover';
import type { PairOptions } from 'handover/legacy';
import type { Order } from './compared.js';
import { paired } from './paired.js';

const mails = effectPort('mails', { send: (..._args: unknown[]) => undefined });

const bad = '3';
const isBad = (effect: Effect) => JSON.stringify(effect).includes('wrong');

const sides = {
  listener: ({ orderId }: Order) => mails.send(orderId),
  handler: ({ orderId }: Order) => mails.send(orderId, ...(orderId === bad ? ['wrong'] : [])),
};

const throwing: readonly (readonly [string, Partial<PairOptions>])[] = [
  [
    'normalise',
    {
      normalise: (effect) => {
        if (isBad(effect)) throw new Error('no such field');
        return effect;
      },
    },
  ],
  [
    'an expected difference',
    {
      expected: [
        {
          name: 'hopeful',
          reason: 'test',
          expires: new Date(Date.now() + 86_400_000),
          matches: () => {
            throw new Error('no such field');
          },
        },
      ],
    },
  ],
];

describe('a pair whose rules throw', () => {
  // P9. Seen failing without a verdict for that event: all that were left matched, and the gate was open.
  it.each(throwing)('in %s distrusts the event and keeps the gate closed', async (_, options) => {
    const { pair, pay, verdicts } = paired(sides, { ...options, gate: { runs: 3, days: 0, perShape: 1 } });
    pair.sabotage();
    await pay(5);
    const judged = (await verdicts()).filter(({ sabotaged }) => !sabotaged);
    expect(judged.map(({ verdict }) => verdict)).toEqual(['match', 'untrusted', 'match', 'match']);
    expect(judged[1]?.escapes).toEqual(['the rules threw: no such field']);
    await expect(pair.promote()).rejects.toMatchObject({ code: 'promotion_refused' });
  });

  // Seen failing with the error thrown at the worker: the delivery was tried again, and nothing of it was judged.
  it('has a queued handler tried once, and the event distrusted', async () => {
    let tried = 0;
    const handler = () => {
      tried += 1;
      mails.send('wrong');
    };
    const { store, publish, verdicts } = paired(
      { listener: ({ orderId }) => mails.send(orderId), handler },
      { ...throwing[0]?.[1], subscribe: { run: 'queued', name: 'receipts', backoff: 0, attempts: 3 } },
    );
    const worker = await store.work();
    publish({ orderId: '1', cents: 1 });
    await store.settled();
    await worker.idle();
    await worker.stop();
    expect(tried).toBe(1);
    expect((await verdicts()).map(({ verdict }) => verdict)).toEqual(['untrusted']);
  });

  // P9. Seen failing with a match: a promise is as good as true.
  it('because they answer with a promise distrusts the event', async () => {
    const hopeful = {
      name: 'hopeful',
      reason: 'test',
      expires: new Date(Date.now() + 86_400_000),
      matches: (async () => false) as unknown as () => boolean,
    };
    const { pay, verdicts } = paired(
      { listener: () => mails.send('right'), handler: () => mails.send('wrong') },
      { expected: [hopeful] },
    );
    await pay();
    expect(await verdicts()).toMatchObject([
      { verdict: 'untrusted', escapes: [expect.stringContaining('Expected `matches` to be')] },
    ]);
  });
});
