import type { Observation } from './observation.js';

/** Alters what a side is said to have done, to prove that the comparison would notice. */
export class Saboteur {
  #planted = 0;

  /** Faults for the next `count` comparisons. */
  plant(count: number): void {
    this.#planted += count;
  }

  /** `undefined`: none is planted. */
  alter(observation: Observation): Observation | undefined {
    if (this.#planted === 0) return undefined;
    this.#planted -= 1;
    const [first, ...rest] = observation.effects;
    if (first !== undefined) return { ...observation, effects: rest };
    const extra = { kind: 'call', port: 'saboteur', method: 'act', args: [] } as const;
    return { ...observation, effects: [extra] };
  }
}
