import type { QuotedSchema } from '../schema-name.js';
import type { Migration } from './migration.js';

/**
 * What runs again and again on tables that fill and empty. Statistics say little about those, and a session keeps a plan
 * that it made when they were empty: these find rows by their indexes, whatever statistics say. Whoever replaces one of
 * them says so again.
 */
const byIndexes = ['assign_keys', 'unblock', 'skip'];

/** Those without joins that a small table could turn around: one plan fits every size. */
const plannedOnce = [
  'tell_of_rest',
  'is_recoverable',
  'claim',
  'hand_over',
  'take',
  'complete',
  'fail',
  'renew',
  'release',
];

/** Those whose joins fit the tables only as large as these are at the moment of the call. */
const plannedAnew = ['log_next', 'backfill', 'advance_replay', 'recover'];

export const plans: Migration = {
  statements: (schema) => /* sql */ `
${[...byIndexes, ...plannedOnce, ...plannedAnew].map((name) => useIndexes(schema, name)).join('')}
${plannedOnce.map((name) => `alter function ${schema}.${name} set plan_cache_mode = force_generic_plan;`).join('\n')}
${plannedAnew.map((name) => `alter function ${schema}.${name} set plan_cache_mode = force_custom_plan;`).join('\n')}
`,
};

function useIndexes(schema: QuotedSchema, name: string): string {
  return /* sql */ `
alter function ${schema}.${name}
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
  set jit = off;
`;
}
