import type { Transactions } from '../../../src/index.js';
import type { Connections, Execute } from '../execute.js';
import { translation } from './errors.js';
import { migrate, schemaVersion, wantedVersion } from './migrate.js';
import { schemaCheck } from './schema-check.js';
import { type QuotedSchema, quoteSchema } from './schema-name.js';

/** The log's way to its tables, with errors in its own words. */
export interface Database {
  readonly schema: QuotedSchema;
  readonly inTransaction: () => boolean;
  migrate(): Promise<void>;
  /** Writes what the open transaction has collected, so that the next statement finds it. */
  settle(): Promise<void>;
  /** Within the open transaction, where there is one. */
  readonly query: Execute;
  /** The same for a statement that writes `eventIds`: lost outside a transaction, its outcome is unknown. */
  writing(eventIds: readonly string[]): Execute;
  /** On a connection of its own. Never call it within a transaction: a pool that is used up would wait for ever. */
  readonly apart: Execute;
}

export function openDatabase(
  connections: Connections,
  schema: string,
  transactions: Transactions | undefined,
): Database {
  const quoted = quoteSchema(schema);
  const inTransaction = () => transactions?.current() !== undefined;
  const findVersion = async () =>
    inTransaction() ? undefined : schemaVersion(connections.apart, schema).catch(() => undefined);
  const { harmless, committing } = translation(schema, wantedVersion, findVersion);
  const { before, passed } = schemaCheck(schema);
  const joined = harmless(connections.joined);
  const apart = harmless(connections.apart);

  return {
    schema: quoted,
    inTransaction,
    migrate: async () => {
      await migrate(apart, schema);
      passed();
    },
    settle: async () => transactions?.current()?.flush(),
    query: before(joined),
    apart: before(apart),
    writing: (eventIds) =>
      before(inTransaction() ? joined : committing(connections.joined, eventIds), joined),
  };
}
