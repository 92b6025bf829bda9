import { isDeepStrictEqual } from 'node:util';
import { effectName, type Effect } from '../../src/index.js';
import type { ComparisonRules } from './comparison.js';
import { between } from './differences.js';
import { alteredAt, leavesOf, type Leaf } from './effect-leaves.js';
import type { Fault, FaultKind } from './fault.js';
import type { Observation } from './observation.js';
import { shareOf } from './stage.js';

export interface Sabotage {
  readonly observation: Observation;
  readonly fault: Fault;
}

const kinds: readonly FaultKind[] = ['dropped', 'altered', 'added'];
const extra: Effect = { kind: 'call', port: 'saboteur', method: 'act', args: [] };

/**
 * Alters what a side is said to have done, to prove that the comparison would notice: drops an effect, alters a value
 * within one, adds one, in turn.
 *
 * What the rules of the pair say is not compared proves nothing, so a fault falls on an effect and a value that they
 * leave. Where they leave no value of any effect, one is altered all the same, and not noticed: the gate has to know.
 */
export class Saboteur {
  readonly #rules: ComparisonRules;
  #planted = 0;
  #turn = 0;

  constructor(rules: ComparisonRules) {
    this.#rules = rules;
  }

  /** Faults for the next `count` comparisons that would be a match. */
  plant(count: number): void {
    this.#planted += count;
  }

  get isArmed(): boolean {
    return this.#planted > 0;
  }

  /** @param eventId Where the fault falls depends on it alone, so that faults spread over effects and fields. */
  alter(observation: Observation, eventId: string): Sabotage {
    this.#planted -= 1;
    const kind = kinds[this.#turn % kinds.length];
    this.#turn += 1;
    const kept = observation.effects.filter((effect) => this.#rules.normalise(effect) !== undefined);
    const chosen = choose(kept, eventId);
    if (chosen === undefined) return added(observation, extra);
    if (kind === 'dropped') return dropped(observation, chosen);
    const leaf = kind === 'altered' ? this.#leaf(kept, eventId) : undefined;
    return leaf === undefined ? added(observation, chosen) : altered(observation, leaf);
  }

  #leaf(effects: readonly Effect[], eventId: string): Leaf | undefined {
    const leaves = effects.flatMap(leavesOf);
    const compared = leaves.filter((leaf) => this.#isCompared(leaf));
    return choose(compared, eventId) ?? leaves[0];
  }

  /** By what the pair declares; whether the comparison notices is another matter. */
  #isCompared(leaf: Leaf): boolean {
    const [one, other] = [leaf.effect, alteredAt(leaf)].map((effect) => this.#asCompared(effect));
    if (isDeepStrictEqual(one, other)) return false;
    const now = new Date();
    const rules = this.#rules.expected.filter(({ expires }) => expires > now);
    return between(one, other).some((difference) => !rules.some((rule) => rule.matches(difference)));
  }

  #asCompared(effect: Effect): Effect | undefined {
    const normal = this.#rules.normalise(effect);
    return normal && this.#rules.masks.apply(normal, new Set());
  }
}

function choose<T>(among: readonly T[], eventId: string): T | undefined {
  return among[Math.floor(shareOf(`fault ${eventId}`) * among.length)];
}

function dropped(observation: Observation, effect: Effect): Sabotage {
  const place = observation.effects.indexOf(effect);
  return {
    observation: { ...observation, effects: observation.effects.toSpliced(place, 1) },
    fault: { kind: 'dropped', path: effectName(effect) },
  };
}

function altered(observation: Observation, leaf: Leaf): Sabotage {
  const place = observation.effects.indexOf(leaf.effect);
  return {
    observation: { ...observation, effects: observation.effects.with(place, alteredAt(leaf)) },
    fault: { kind: 'altered', path: leaf.path },
  };
}

function added(observation: Observation, effect: Effect): Sabotage {
  return {
    observation: { ...observation, effects: [...observation.effects, effect] },
    fault: { kind: 'added', path: effectName(effect) },
  };
}
