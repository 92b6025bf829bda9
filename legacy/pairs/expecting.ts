import { InvalidArgument } from '../../src/index.js';
import type { ExpectedDifference } from './comparison.js';

/** The rule, held to an answer: anything else, such as the promise of one, would let every difference pass. */
export function answering(rule: ExpectedDifference): ExpectedDifference {
  const { name, reason, expires } = rule;
  return {
    name,
    reason,
    expires,
    matches: (difference) => {
      const answer: unknown = rule.matches(difference);
      if (typeof answer === 'boolean') return answer;
      throw new InvalidArgument(
        'matches',
        'a function that gives true or false',
        answer,
        `Mend the expected difference "${name}"; do not wait in it.`,
      );
    },
  };
}
