import type { Condition } from './gate.js';
import type { Verdict } from './verdict.js';

/** @param recent As many comparisons as the gate wants, or the whole row where that is longer. */
export function weighErrors(recent: readonly Verdict[]): Condition {
  const threw = (...kinds: readonly Verdict['verdict'][]) =>
    recent.filter(({ verdict }) => kinds.includes(verdict)).length;
  const handler = threw('handler-error', 'both-error');
  const listener = threw('listener-error', 'both-error');
  return {
    name: 'errors',
    holds: handler <= listener,
    found: `handler ${handler}, listener ${listener} of ${recent.length}`,
  };
}

export function weighTrust(recent: readonly Verdict[]): Condition {
  const found = recent.filter(({ verdict }) => verdict === 'untrusted').length;
  return { name: 'untrusted', holds: found === 0, found: `${found} of ${recent.length}` };
}
