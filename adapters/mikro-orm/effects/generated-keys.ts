import { madeKey } from '../../../src/index.js';
import type { EffectScope } from '../../../src/index.js';

/** Keys that the database has made in a run: no two runs are given the same, so that a comparison numbers them. */
export class GeneratedKeys {
  readonly #made = new Set<string>();

  add(table: string, key: unknown): void {
    this.#made.add(madeKey(table, key));
  }

  /** What a comparison knows a key by that was made here, else the key itself. */
  nameOf(table: string, key: unknown): unknown {
    const name = madeKey(table, key);
    return this.#made.has(name) ? name : key;
  }
}

const byScope = new WeakMap<EffectScope, GeneratedKeys>();

export function generatedKeysOf(scope: EffectScope): GeneratedKeys {
  const known = byScope.get(scope) ?? new GeneratedKeys();
  byScope.set(scope, known);
  return known;
}
