import { effectName, type Effect } from '../../src/index.js';
import { bodyOf, withBody } from './effect-body.js';
import { below } from './field-path.js';

/** A single value within an effect. */
export interface Leaf {
  readonly effect: Effect;
  readonly path: string;
  readonly keys: readonly string[];
}

const mostLeaves = 500;

export function leavesOf(effect: Effect): readonly Leaf[] {
  const found: Leaf[] = [];
  const look = (value: unknown, path: string, keys: readonly string[]): void => {
    if (value === undefined || found.length >= mostLeaves) return;
    if (typeof value !== 'object' || value === null) {
      found.push({ effect, path, keys });
      return;
    }
    for (const [key, each] of Object.entries(value)) look(each, below(path, key), [...keys, key]);
  };
  look(bodyOf(effect), effectName(effect), []);
  return found;
}

/** The effect with another value at the leaf: one that no run makes for itself, such as the time. */
export function alteredAt({ effect, keys }: Leaf): Effect {
  return withBody(effect, altered(bodyOf(effect), keys));
}

function altered(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return otherThan(value);
  const inner = altered(Reflect.get(value as object, key), rest);
  if (Array.isArray(value)) return value.with(Number(key), inner);
  return { ...(value as object), [key]: inner };
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'number') return -value - 1;
  if (typeof value === 'boolean') return !value;
  return `${typeof value === 'string' ? value : ''} (altered)`;
}
