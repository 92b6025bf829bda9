import type { QuotedSchema } from '../schema-name.js';

/** Those of `p_positions`, `p_handlers` and `p_fences` that still hold, in one order, so that no two callers deadlock. */
export function lockedLeases(schema: QuotedSchema, states: readonly string[] = ['running']): string {
  return /* sql */ `select position, handler, fence
      from unnest(p_positions, p_handlers, p_fences) as given (position, handler, fence)
        join ${schema}.deliveries as kept using (position, handler, fence)
      where kept.state in (${states.map((state) => `'${state}'`).join(', ')})
      order by position, handler
      for update of kept`;
}
