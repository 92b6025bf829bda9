import { isDeepStrictEqual } from 'node:util';
import { effectName, type Effect } from '../../src/index.js';
import { between, type Difference } from './differences.js';

/** Among more pairs than these, effects of one name meet in their order. */
const mostTried = 2_500;

/**
 * What two sides did that is not the same, whatever their order. Equal effects meet first; of those of one name that are
 * left, the ones that differ in the fewest fields, so that one noisy field does not bring together what never belonged
 * together; the rest stands alone.
 */
export function asMultisets(listener: readonly Effect[], handler: readonly Effect[]): readonly Difference[] {
  const right = [...handler];
  const left = listener.filter((effect) => !takeEqual(right, effect));
  const rightByName = Map.groupBy(right, effectName);
  const leftByName = Map.groupBy(left, effectName);
  const names = new Set([...leftByName.keys(), ...rightByName.keys()]);
  return [...names].flatMap((name) => nearestFirst(leftByName.get(name) ?? [], rightByName.get(name) ?? []));
}

function takeEqual(effects: Effect[], wanted: Effect): boolean {
  const place = effects.findIndex((other) => isDeepStrictEqual(wanted, other));
  if (place !== -1) effects.splice(place, 1);
  return place !== -1;
}

interface Candidate {
  readonly left: Effect;
  readonly right: Effect;
  readonly differences: readonly Difference[];
}

function nearestFirst(left: readonly Effect[], right: readonly Effect[]): readonly Difference[] {
  const met = new Set<Effect>();
  const found = candidates(left, right).flatMap((each) => {
    if (met.has(each.left) || met.has(each.right)) return [];
    met.add(each.left).add(each.right);
    return each.differences;
  });
  const alone = (effects: readonly Effect[]) => effects.filter((effect) => !met.has(effect));
  return [
    ...found,
    ...alone(left).flatMap((effect) => between(effect, undefined)),
    ...alone(right).flatMap((effect) => between(undefined, effect)),
  ];
}

/** Those of few differences first, and else in their order. */
function candidates(left: readonly Effect[], right: readonly Effect[]): readonly Candidate[] {
  if (left.length * right.length > mostTried) {
    return left.slice(0, right.length).map((one, place) => candidate(one, right[place] as Effect));
  }
  const all = left.flatMap((one) => right.map((other) => candidate(one, other)));
  return all.toSorted((a, b) => a.differences.length - b.differences.length);
}

function candidate(left: Effect, right: Effect): Candidate {
  return { left, right, differences: between(left, right) };
}
