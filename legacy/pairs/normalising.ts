import { InvalidArgument, snapshot, type Effect } from '../../src/index.js';

export type Normalise = (effect: Effect) => Effect | undefined;

const kinds: ReadonlySet<unknown> = new Set(['call', 'event', 'broadcast', 'row', 'job']);

/**
 * A pair's own `normalise`, as a comparison can rely on it: it gets a copy, so that it cannot change what was done, and
 * what it gives is read once, as plain values.
 */
export function onCopies(normalise: Normalise): Normalise {
  return (effect) => {
    const normal: unknown = normalise(plain(effect));
    if (normal === undefined) return undefined;
    const kept = typeof normal === 'object' && normal !== null ? plain(normal as Effect) : undefined;
    if (kept !== undefined && kinds.has(kept.kind)) return kept;
    throw new InvalidArgument(
      'normalise',
      'a function that gives an effect, or `undefined`',
      normal,
      'Return the effect with changed fields, such as `{ ...effect, args: effect.args.slice(1) }`; do not wait in it.',
    );
  };
}

/** Field by field: one that is `undefined` is none. How to undo a row is not compared. */
function plain(effect: Effect): Effect {
  const fields = Object.entries(effect).filter(([name, value]) => name !== 'undo' && value !== undefined);
  return Object.fromEntries(fields.map(([name, value]) => [name, snapshot(value)])) as unknown as Effect;
}
