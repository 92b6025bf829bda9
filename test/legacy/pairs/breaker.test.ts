import { describe, expect, it } from '@jest/globals';
import { paired } from './paired.js';

class BudgetExceeded extends Error {
  override readonly name = 'BudgetExceeded';
}

describe('a pair in the shadow', () => {
  it('goes back to record when its handler is over its budget time and again', async () => {
    const handler = () => new Promise<never>(() => undefined);
    const { pair, pay } = paired({ listener: () => undefined, handler }, { budget: 20 });
    await pay(3);
    await pair.settled();
    expect((await pair.history()).map(({ data }) => data.to)).toEqual(['record']);
  });

  // Seen failing with the budget told by the name of the error: the handler's own one ended the comparison.
  it('stays there when an error of its handler is only named so', async () => {
    const handler = () => {
      throw new BudgetExceeded('this month');
    };
    const { pair, pay, verdicts } = paired({ listener: () => undefined, handler });
    await pay(4);
    expect((await verdicts()).map(({ verdict }) => verdict)).toEqual(Array(4).fill('handler-error'));
    expect([pair.stage, await pair.history()]).toEqual(['shadow', []]);
  });
});
