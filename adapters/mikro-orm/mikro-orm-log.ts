import type { EntityManager, MikroORM } from '@mikro-orm/core';
import { checkKnownOptions, InvalidArgument } from '../../src/index.js';
import type { EventLog } from '../../src/index.js';
import { guardConnection } from './effects/guarded-connection.js';
import { noteRows } from './effects/row-effects.js';
import { unitOfWorkWitness } from './effects/unit-of-work-witness.js';
import { listenClientsOf } from './postgres/deliveries/listen-client.js';
import { inOrderOfCalls, postgresLog } from './postgres/postgres-log.js';
import { defaultSchema, warnIfUnguarded } from './schema-guard.js';
import { connectionsOf } from './transactions/connections.js';
import { homeOf } from './transactions/home.js';
import { mikroOrmTransactions } from './transactions/mikro-orm-transactions.js';

declare module '../../src/log/publish-options.js' {
  interface PublishOptions {
    /** Joins the transaction of this entity manager. Default: the transaction open in this async context. */
    readonly em?: EntityManager | undefined;
  }
}

export interface MikroOrmLogOptions {
  /** The PostgreSQL schema that holds the log. Default `handover`. */
  readonly schema?: string | undefined;
  /** Default 10 000. Beyond, recording in a transaction throws `TransactionTooLarge`. */
  readonly maxEventsPerTransaction?: number | undefined;
}

/**
 * The event log in the database of `orm`, on PostgreSQL or PGlite. What is published inside a transaction of `orm`
 * commits or vanishes with it.
 *
 * Calling it again for the same ORM is fine: logs on one schema share what a transaction has recorded, and the limit
 * of the first call.
 *
 * @throws {InvalidArgument}
 */
export function mikroOrmLog(orm: MikroORM, options: MikroOrmLogOptions = {}): EventLog {
  checkKnownOptions(options, ['schema', 'maxEventsPerTransaction'], "`{ schema: 'handover' }`");
  const { schema = defaultSchema, maxEventsPerTransaction = 10_000 } = options;
  if (!Number.isSafeInteger(maxEventsPerTransaction) || maxEventsPerTransaction < 1) {
    throw new InvalidArgument('maxEventsPerTransaction', 'a whole number from 1', maxEventsPerTransaction);
  }
  const home = homeOf(orm);
  guardConnection(orm, home);
  noteRows(orm);
  const log: EventLog = postgresLog({
    schema,
    connections: connectionsOf(home),
    listenClient: listenClientsOf(home.connection),
    transactions: mikroOrmTransactions(orm, {
      schema,
      maxEventsPerTransaction,
      write: (appends) => log.append(appends),
      report: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
    }),
  });
  warnIfUnguarded(orm, schema);
  return {
    ...inOrderOfCalls(log),
    publishOptions: ['em'],
    witness: unitOfWorkWitness(orm),
    isOpen: () => home.connection.connected !== false,
  };
}
