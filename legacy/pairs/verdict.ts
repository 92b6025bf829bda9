import { createHash } from 'node:crypto';
import { compare, type Comparison, type ComparisonRules } from './comparison.js';
import type { Difference } from './differences.js';
import type { Fault } from './fault.js';
import type { Given } from './masking.js';
import type { Observation } from './observation.js';
import { reasonOf } from './reason.js';
import type { Side, Stage } from './stage.js';

/**
 * - `match`: both ran once, without an error, nothing escaped, and their effects are the same.
 * - `mismatch`: their effects differ.
 * - `listener-error`, `handler-error`, `both-error`: who threw, or went over its budget.
 * - `missing`: of one side nothing is known.
 * - `untrusted`: something happened that was neither noted nor held back.
 * - `not-sampled`: only one side ran.
 */
export type VerdictKind =
  | 'match'
  | 'mismatch'
  | 'handler-error'
  | 'listener-error'
  | 'both-error'
  | 'missing'
  | 'untrusted'
  | 'not-sampled';

export interface Verdict {
  readonly pair: string;
  readonly eventId: string;
  readonly stage: Stage;
  readonly performed: Side;
  readonly verdict: VerdictKind;
  readonly differences: readonly Difference[];
  readonly escapes: readonly string[];
  /** Names of the expected differences that were found. */
  readonly usedRules: readonly string[];
  /** Masks that hid a field. */
  readonly usedMasks: readonly string[];
  /** The same for mismatches of one kind: what differs, without the values. */
  readonly fingerprint: string | undefined;
  /** The names of the payload's fields, which stand for its kind. */
  readonly shape: string;
  readonly listener: Observation | undefined;
  readonly handler: Observation | undefined;
  /** True when the saboteur changed what the captured side did. */
  readonly sabotaged: boolean;
  /** How it did. */
  readonly fault?: Fault | undefined;
}

export type Judged = Pick<
  Verdict,
  'verdict' | 'differences' | 'escapes' | 'usedRules' | 'usedMasks' | 'fingerprint'
>;

export interface JudgedRun {
  readonly listenerRuns?: number | undefined;
  /** What the event holds. */
  readonly given: Given;
}

/** A verdict never flatters: whatever is not known to be the same is no match. */
export function judge(
  listener: Observation | undefined,
  handler: Observation | undefined,
  rules: ComparisonRules,
  { listenerRuns = 1, given }: JudgedRun,
): Judged {
  if (listener === undefined || handler === undefined) return without('missing');
  const compared = comparedBy(() => compare(listener, handler, rules, given));
  const escapes = [...new Set([...listener.escapes, ...handler.escapes, ...compared.escapes])];
  const twice: readonly Difference[] =
    listenerRuns > 1 ? [{ path: 'number of runs', listener: listenerRuns, handler: 1 }] : [];
  const differences = [...twice, ...compared.differences];
  const { usedRules, usedMasks } = compared;
  const verdict = kindOf(listener, handler, { escapes, differences });
  const fingerprint = verdict === 'match' ? undefined : fingerprintOf(verdict, differences, escapes);
  return { verdict, differences, escapes, usedRules, usedMasks, fingerprint };
}

/** Rules that throw have compared nothing. */
function comparedBy(rules: () => Comparison): Comparison {
  try {
    return rules();
  } catch (error) {
    return {
      differences: [],
      usedRules: [],
      usedMasks: [],
      escapes: [`the rules threw: ${reasonOf(error)}`],
    };
  }
}

function kindOf(
  listener: Observation,
  handler: Observation,
  { escapes, differences }: Pick<Judged, 'escapes' | 'differences'>,
): VerdictKind {
  // What was refused it for the sake of the comparison says nothing about a side.
  if (listener.refused === true || handler.refused === true) return 'untrusted';
  if (listener.error !== undefined && handler.error !== undefined) return 'both-error';
  if (listener.error !== undefined) return 'listener-error';
  if (handler.error !== undefined) return 'handler-error';
  if (escapes.length > 0) return 'untrusted';
  return differences.length > 0 ? 'mismatch' : 'match';
}

/**
 * True where both sides threw the very same error after the very same effects: that is no match, and nothing that the
 * handler does worse. A listener that throws now and then must not keep its handler waiting for ever.
 */
export function isNeutral({ verdict, listener, handler, differences, escapes }: Verdict): boolean {
  if (verdict !== 'both-error' || differences.length > 0 || escapes.length > 0) return false;
  const [one, other] = [listener?.error, handler?.error];
  return one?.name === other?.name && one?.message === other?.message;
}

function without(verdict: VerdictKind): Judged {
  return { verdict, differences: [], escapes: [], usedRules: [], usedMasks: [], fingerprint: undefined };
}

function fingerprintOf(
  verdict: VerdictKind,
  differences: readonly Difference[],
  escapes: readonly string[],
): string {
  const paths = differences.map((each) => `${each.path}${'listener' in each}${'handler' in each}`);
  const text = [verdict, ...paths.toSorted(), ...escapes.toSorted()].join('\n');
  return createHash('sha1').update(text).digest('hex').slice(0, 12);
}

/** `{a: {b: 1}, c: [..]}` as `a.b,c[]`: events of one shape carry the same fields. */
export function shapeOf(value: unknown, path = ''): string {
  if (Array.isArray(value)) return `${path}[]`;
  if (typeof value !== 'object' || value === null) return `${path}:${value === null ? 'null' : typeof value}`;
  return Object.keys(value)
    .toSorted()
    .map((key) => shapeOf(Reflect.get(value, key), path === '' ? key : `${path}.${key}`))
    .join(',');
}
