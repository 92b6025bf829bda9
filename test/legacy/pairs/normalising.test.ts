import { describe, expect, it } from '@jest/globals';
import { effectPort, type Effect } from 'handover';
import type { PairOptions } from 'handover/legacy';
import { between } from '../../../legacy/pairs/differences.js';
import { judgedOnce } from './compared.js';

const mails = effectPort('mails', { send: (..._args: unknown[]) => undefined });

const sides = { listener: () => mails.send('a'), handler: () => mails.send('b') };

function withArgs(change: (arg: unknown) => unknown): PairOptions['normalise'] {
  return (effect) => (effect.kind === 'call' ? { ...effect, args: effect.args.map(change) } : effect);
}

describe('what `normalise` makes of an effect', () => {
  // P9. Seen failing with two dates for the same: without fields, they looked alike.
  it('is compared by its values, also where they are no JSON', async () => {
    const dayOf = (arg: unknown) => new Date(arg === 'a' ? '2020-01-01' : '2021-01-01');
    expect(await judgedOnce(sides, { normalise: withArgs(dayOf) })).toMatchObject({
      verdict: 'mismatch',
      differences: [{ path: expect.stringContaining('mails.send › 0') }],
    });
  });

  // Seen failing with the effect itself handed over: the stored one had changed, too.
  it('leaves what was done as it was', async () => {
    const normalise = (effect: Effect) => {
      if (effect.kind === 'call') (effect.args as unknown[]).length = 0;
      return effect;
    };
    expect(await judgedOnce(sides, { normalise })).toMatchObject({
      verdict: 'match',
      listener: { effects: [{ args: ['a'] }] },
      handler: { effects: [{ args: ['b'] }] },
    });
  });

  // Seen failing with a match: a promise equalled the other one.
  it.each([
    ['a promise', async (effect: Effect) => effect],
    ['nothing of a known kind', () => ({ kind: 'mail' })],
    ['null', () => null],
    ['text', () => 'effect'],
  ])('is no effect where it is %s, and the event is distrusted', async (_, normalise) => {
    const options = { normalise: normalise as unknown as PairOptions['normalise'] };
    expect(await judgedOnce(sides, options)).toMatchObject({
      verdict: 'untrusted',
      escapes: [expect.stringContaining('the rules threw: Expected `normalise` to be')],
    });
  });
});

it.each([
  [new Date(0), new Date(1)],
  [new Set([1]), new Set([2])],
  [new Map([[1, 1]]), new Map([[1, 2]])],
])('%p and %p differ, though neither has fields', (listener, handler) => {
  const call = (arg: unknown): Effect => ({ kind: 'call', port: 'mails', method: 'send', args: [arg] });
  expect(between(call(listener), call(handler))).toEqual([{ path: 'mails.send › 0', listener, handler }]);
});

// P9. Seen failing with no difference: the prototype of the other side was taken for its field.
it.each(['__proto__', 'toString'])('a field named %s differs from none', (name) => {
  const call = (arg: unknown): Effect => ({ kind: 'call', port: 'mails', method: 'send', args: [arg] });
  const held: unknown = JSON.parse(`{"${name}": {}}`);
  expect(between(call(held), call({}))).toEqual([{ path: `mails.send › 0 › ${name}`, listener: {} }]);
});
