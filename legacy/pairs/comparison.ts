import type { Effect } from '../../src/index.js';
import type { Difference } from './differences.js';
import { masking, type Given } from './masking.js';
import type { Masks } from './masks.js';
import { asMultisets } from './multisets.js';
import { withoutUndo, type Observation } from './observation.js';
import { reasonOf } from './reason.js';
import { asRows, inOrder } from './row-order.js';
import type { Sealing } from './sealing.js';
import { storable } from './storable.js';

/** A difference that somebody has declared right, for a time. */
export interface ExpectedDifference {
  readonly name: string;
  readonly reason: string;
  /** From this day on it is a difference like any other. */
  readonly expires: Date;
  readonly matches: (difference: Difference) => boolean;
}

export interface ComparisonRules {
  /** Kinds whose effects are compared in their order. Others are compared as multisets, but for the changes of one row. */
  readonly ordered: ReadonlySet<Effect['kind']>;
  /** Effects before they are compared, such as without an id that each side makes for itself; `undefined` leaves one out. */
  readonly normalise: (effect: Effect) => Effect | undefined;
  readonly masks: Masks;
  readonly expected: readonly ExpectedDifference[];
  /** For what comes through the store. */
  readonly sealing: Sealing;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Names of rules that took a difference for right. */
  readonly usedRules: readonly string[];
  /** Masks that hid a field of either side. */
  readonly usedMasks: readonly string[];
  /** Why it is not the whole truth. */
  readonly escapes: readonly string[];
}

const blind =
  'secrets of a listener in another process: give the pair a `redactKey`, without which they cannot be compared';

/** What the two sides did that is not the same. @param given The event: what it holds is masked on neither side. */
export function compare(
  listener: Observation,
  handler: Observation,
  rules: ComparisonRules,
  given: Given,
): Comparison {
  const usedMasks = new Set<string>(listener.shared?.usedMasks);
  const { left, right, isBlind } = bothPrepared(listener, handler, { rules, given, usedMasks });
  const kinds = new Set([...left, ...right].map(({ kind }) => kind));
  const found = [...kinds].flatMap((kind) => {
    const [a, b] = [left, right].map((side) => side.filter((effect) => effect.kind === kind));
    const differencesOf = rules.ordered.has(kind) ? inOrder : kind === 'row' ? asRows : asMultisets;
    return differencesOf(a ?? [], b ?? []);
  });
  const now = new Date();
  const usedRules = new Set<string>();
  const differences = found.filter((difference) => {
    const rule = rules.expected.find((each) => each.expires > now && each.matches(difference));
    if (rule !== undefined) usedRules.add(rule.name);
    return rule === undefined;
  });
  const escapes = isBlind ? [blind] : [];
  return { differences, usedRules: [...usedRules], usedMasks: [...usedMasks], escapes };
}

/**
 * What others may read of an observation, and compare with what the handler did in their process. Where the rules throw,
 * nobody can compare it any more, and it says so.
 */
export function toShare(observation: Observation, rules: ComparisonRules, given: Given): Observation {
  const usedMasks = new Set<string>();
  const undoable = rules.sealing.undoable(observation.effects);
  const { error, escapes } = observation;
  const told = storable({ error, escapes }) as Pick<Observation, 'error' | 'escapes'>;
  const readable = (effects: readonly Effect[], isBlind: boolean): Observation => {
    const shared = { undoable, usedMasks: [...usedMasks], isBlind };
    return { ...observation, ...told, effects, madeIds: [], shared };
  };
  try {
    const ready = prepared(withoutUndo(observation), { rules, given, usedMasks });
    const { effects, isBlind } = rules.sealing.seal(ready, given.eventId);
    return readable(effects, isBlind);
  } catch (thrown) {
    const reason = storable(`the rules threw: ${reasonOf(thrown)}`) as string;
    return { ...readable([], false), escapes: [...told.escapes, reason] };
  }
}

interface Preparation {
  readonly rules: ComparisonRules;
  readonly given: Given;
  readonly usedMasks: Set<string>;
}

function bothPrepared(listener: Observation, handler: Observation, preparation: Preparation) {
  const right = prepared(handler, preparation);
  if (listener.shared === undefined) {
    return { left: prepared(listener, preparation), right, isBlind: false };
  }
  const sealed = preparation.rules.sealing.seal(right, preparation.given.eventId);
  const isBlind = listener.shared.isBlind || sealed.isBlind;
  return { left: listener.effects, right: sealed.effects, isBlind };
}

/** Masked fields go first, so that the ids that they hold do not count when those of the run are numbered. */
function prepared(observation: Observation, { rules, given, usedMasks }: Preparation): readonly Effect[] {
  return observation.effects
    .map((effect) => rules.normalise(effect))
    .filter((effect) => effect !== undefined)
    .map((effect) => rules.masks.apply(effect, usedMasks))
    .map(masking(observation, given));
}
