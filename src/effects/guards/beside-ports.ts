import type { EffectForbidden } from '../../errors/effect-errors.js';
import { effectScope } from '../effect-scope.js';

/**
 * Tells the run that this is called in of an effect beside its ports.
 *
 * @returns What to refuse it with; `undefined` where it may happen.
 */
export function besidePorts(what: string): EffectForbidden | undefined {
  const scope = effectScope();
  if (scope === undefined) return undefined;
  const noticed = scope.isOpen ? what : `${what}, after the end of the run`;
  if (scope.mode !== 'performed') return scope.refuse(noticed);
  scope.escape(noticed);
  return undefined;
}

/** A promise that rejects; a run which never looks at it does not bring the process down. */
export function refused(refusal: EffectForbidden): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  reject(refusal);
  return promise;
}
