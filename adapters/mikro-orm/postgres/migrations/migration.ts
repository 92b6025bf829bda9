import type { LockKeys, QuotedSchema } from '../schema-name.js';

/** One step of the schema. A released step never changes; what comes later is a step of its own. */
export interface Migration {
  /** Statements that each end in a semicolon, for the body of a `do` block. */
  readonly statements: (schema: QuotedSchema, locks: LockKeys) => string;
}
