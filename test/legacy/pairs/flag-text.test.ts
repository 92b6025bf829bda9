import { describe, expect, it } from '@jest/globals';
import { FlagText } from '../../../legacy/pairs/flag-text.js';
import { paired } from './paired.js';

const rubbish: readonly unknown[] = ['shdow', 42, 'LIVE', 'live:', 'live:30:9', 'live:101', 'shadow:50', {}];

describe('a flag', () => {
  it.each([
    ['shadow', { stage: 'shadow', percent: 100 }],
    ['live', { stage: 'live', percent: 100 }],
    ['live:0', { stage: 'live', percent: 0 }],
    ['live:2.5', { stage: 'live', percent: 2.5 }],
    ['live:100', { stage: 'live', percent: 100 }],
  ])('that says %p is a stage', (value, standing) => {
    const errors: unknown[] = [];
    expect(new FlagText('f', (error) => errors.push(error)).standing(value)).toEqual(standing);
    expect(errors).toEqual([]);
  });

  // Seen failing with `live:` read as 0 % and `live:30:9` as 30 %, and without a word about any other.
  it.each(rubbish)('that says %p is none, and that is reported once', (value) => {
    const errors: unknown[] = [];
    const text = new FlagText('handover.pay', (error) => errors.push(error));
    expect([text.standing(value), text.standing(value)]).toEqual([undefined, undefined]);
    expect(errors).toMatchObject([
      { code: 'invalid_argument', argument: 'flag handover.pay', received: value },
    ]);
  });

  it.each([undefined, null, ''])('that says %p says nothing, and nothing is reported', (value) => {
    const errors: unknown[] = [];
    expect(new FlagText('f', (error) => errors.push(error)).standing(value)).toBeUndefined();
    expect(errors).toEqual([]);
  });

  it('that says rubbish leaves its pair where it is, and the bus hears of it once', async () => {
    let asked = 0;
    const often = Promise.withResolvers<void>();
    const textOf = async () => {
      asked += 1;
      if (asked === 4) often.resolve();
      return 'shdow';
    };
    const sides = { listener: () => undefined, handler: () => undefined };
    const { pair, pay, errors, disconnect } = paired(sides, { flags: { textOf } });
    await pair.ready();
    await pay(3);
    await often.promise;
    disconnect();
    expect(pair.stage).toBe('shadow');
    expect(errors).toMatchObject([{ code: 'invalid_argument', received: 'shdow' }]);
  });
});
