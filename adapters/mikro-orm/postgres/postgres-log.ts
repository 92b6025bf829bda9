import type { EventLog, Transactions } from '../../../src/index.js';
import type { Connections } from '../execute.js';
import { appender } from './append.js';
import { changes } from './changes.js';
import { openDatabase } from './database.js';
import type { OpenListenClient } from './deliveries/listening.js';
import { postgresDeliveries } from './deliveries/postgres-deliveries.js';
import { lookups } from './lookups.js';
import { count, read } from './read.js';

export interface PostgresLogOptions {
  readonly connections: Connections;
  /** Where the tables are; lower-case letters, digits and `_`. Default `handover`. */
  readonly schema?: string;
  /** Those that `connections.joined` runs in. Default: none, each call commits by itself. */
  readonly transactions?: Transactions | undefined;
  /** For hearing of new deliveries. Default: they are never heard of, and found by asking. */
  readonly listenClient?: OpenListenClient | undefined;
}

/**
 * The log on PostgreSQL 13 or newer, and on PGlite.
 *
 * Its `append` writes at once: transactions write through it. Give callers {@link inOrderOfCalls}.
 *
 * Inside a transaction a global read does not sequence: it gives the log and then, without a position, what this
 * transaction sees beyond it.
 *
 * @throws {InvalidArgument} `schema` is no such name.
 */
export function postgresLog({
  connections,
  schema = 'handover',
  transactions,
  listenClient,
}: PostgresLogOptions): EventLog {
  const database = openDatabase(connections, schema, transactions);
  const write = appender(database.schema);
  return {
    name: 'PostgreSQL',
    transactions,
    deliveries: postgresDeliveries(database, { transactions, listenClient }),
    migrate: () => database.migrate(),
    append: (appends) => write(database.writing(appends.flatMap(idsOf)), appends),
    ...changes(database),
    read: (query, batchSize) => read(database, query, batchSize),
    count: (query) => count(database, query),
    ...lookups(database),
    close: async () => {},
  };
}

/**
 * The same log for callers: within a transaction its `append` first writes what the transaction has collected. The
 * transactions themselves write through the log as it is.
 */
export function inOrderOfCalls(log: EventLog): EventLog {
  return {
    ...log,
    append: async (appends) => {
      await log.transactions?.current()?.flush();
      return log.append(appends);
    },
  };
}

function idsOf({ records }: { records: readonly { id: string }[] }): string[] {
  return records.map((record) => record.id);
}
