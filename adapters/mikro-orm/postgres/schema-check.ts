import { SchemaOutdated } from '../../../src/index.js';
import type { Execute } from '../execute.js';
import { schemaVersion, wantedVersion } from './migrate.js';

/** Whether the schema in the database is the one that this code works with. */
export interface SchemaCheck {
  /** Sends nothing before the check has passed, and checks never again after it has. */
  readonly before: (execute: Execute, asking?: Execute) => Execute;
  /** Spares the check. */
  readonly passed: () => void;
}

/**
 * Each statement before the first success asks by itself, where it goes to: a transaction must wait for no other one,
 * and stays healthy when the answer is no.
 */
export function schemaCheck(schema: string): SchemaCheck {
  let isPassed = false;
  const check = async (execute: Execute) => {
    const found = await schemaVersion(execute, schema);
    if (found !== wantedVersion) throw new SchemaOutdated(schema, found, wantedVersion);
    isPassed = true;
  };
  return {
    before:
      (execute, asking = execute) =>
      async (statement, parameters, name) => {
        if (!isPassed) await check(asking);
        return execute(statement, parameters, name);
      },
    passed: () => {
      isPassed = true;
    },
  };
}
