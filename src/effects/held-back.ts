import { EffectForbidden } from '../errors/effect-errors.js';
import { comparable } from './comparable.js';
import type { Effect } from './effect.js';
import { effectScope, type EffectScope } from './effect-scope.js';

/**
 * Notes the effects of the run that this is called in. True when they must not happen.
 *
 * @param what What is refused where no effect is allowed.
 * @throws {EffectForbidden}
 */
export function isHeldBack(what: string, effects: (scope: EffectScope) => readonly Effect[]): boolean {
  const scope = effectScope();
  if (scope === undefined) return false;
  if (scope.mode === 'forbidden') throw new EffectForbidden(what);
  for (const effect of effects(scope)) scope.note(effect);
  return scope.mode !== 'performed';
}

/** The same for a call that is one effect. */
export function isCallHeldBack(port: string, method: string, args: readonly unknown[]): boolean {
  return isHeldBack(method === '' ? port : `${port}.${method}`, (scope) => [
    { kind: 'call', port, method, args: comparableIn(scope, args) },
  ]);
}

/** What cannot be compared is an escape. */
export function comparableIn(scope: EffectScope, args: readonly unknown[]): readonly unknown[] {
  return comparable(args, (what) => scope.escape(`an argument that cannot be compared: ${what}`));
}
