import { EffectForbidden } from '../errors/effect-errors.js';
import type { Effect } from './effect.js';
import { effectScope } from './effect-scope.js';
import { snapshot } from './snapshot.js';

/**
 * Notes the effects of the run that this is called in. True when they must not happen.
 *
 * @param what What is refused where no effect is allowed.
 * @throws {EffectForbidden}
 */
export function isHeldBack(what: string, effects: () => readonly Effect[]): boolean {
  const scope = effectScope();
  if (scope === undefined) return false;
  if (scope.mode === 'forbidden') throw new EffectForbidden(what);
  for (const effect of effects()) scope.note(effect);
  return scope.mode !== 'performed';
}

/** The same for a call that is one effect. */
export function isCallHeldBack(port: string, method: string, args: readonly unknown[]): boolean {
  return isHeldBack(method === '' ? port : `${port}.${method}`, () => [
    { kind: 'call', port, method, args: args.map(snapshot) },
  ]);
}
