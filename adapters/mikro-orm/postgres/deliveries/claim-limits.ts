import type { ClaimRequest } from '../../../../src/index.js';
import { isStorable } from '../parameters.js';

/** Values of `p_names` and `p_limits`. */
export function handlerLimits({ handlers }: ClaimRequest): {
  readonly names: string[];
  readonly limits: number[];
} {
  const limits = new Map(handlers.map(({ name, limit }) => [name, limit]));
  const some = [...limits].filter(([name, limit]) => limit >= 1 && isStorable(name));
  return { names: some.map(([name]) => name), limits: some.map(([, limit]) => atMostInt(limit)) };
}

export function atMostInt(limit: number): number {
  return Math.min(Math.trunc(limit), 2_147_483_647);
}
