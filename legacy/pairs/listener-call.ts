import { findMethod } from '../listener-method.js';
import type { PairSettings } from './pair-options.js';

/** Calls the listener as a broadcast would; `undefined` without its arguments, or its method. */
export function listenerCall(
  { listener, method }: PairSettings,
  args: readonly unknown[] | undefined,
): (() => unknown) | undefined {
  const found = findMethod(listener, method);
  if (args === undefined || found === undefined) return undefined;
  return () => found.apply(listener, [...args]);
}
