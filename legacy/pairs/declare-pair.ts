import type { Bus } from '../bus.js';
import type { Pair } from './pair.js';
import type { PairOptions } from './pair-options.js';

/** The same as `bus.pair(name, options)`. */
export function pair(bus: Bus, name: string, options: PairOptions): Pair {
  return bus.pair(name, options);
}
