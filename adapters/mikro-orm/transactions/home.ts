import { TransactionContext } from '@mikro-orm/core';
import type { EntityManager, ForkOptions, MikroORM } from '@mikro-orm/core';
import { flowingTransaction } from './flow.js';
import type { OpenTransaction } from './open-transaction.js';
import { sqlConnectionOf, sqlTransaction } from './sql-connection.js';
import type { SqlConnection, SqlTransaction } from './sql-connection.js';
import { watch } from './watch.js';
import type { Watch } from './watch.js';

/** One ORM, seen from its transactions. */
export interface Home {
  readonly connection: SqlConnection;
  readonly participants: Watch['participants'];
  /** The application sets up sessions itself, whenever Kysely takes one. */
  readonly hasSessionHooks: boolean;
  readonly owns: (em: EntityManager) => boolean;
  readonly transaction: (handle: SqlTransaction) => OpenTransaction;
  /** The transaction that `em` has open, wherever it is used. */
  readonly transactionOf: (em: EntityManager) => OpenTransaction | undefined;
  /** The transaction that this async flow works in, as the global `orm.em` would see it. */
  readonly ambient: () => OpenTransaction | undefined;
  /** Runs `work` where the global `orm.em` works in the transaction, also where only we know of it. */
  readonly inside: <T>(transaction: OpenTransaction | undefined, work: () => T) => T;
  /** An entity manager that knows no transaction, with filters and session of the request around it. */
  readonly fork: (options?: ForkOptions) => EntityManager;
}

export function homeOf(orm: MikroORM): Home {
  const connection = sqlConnectionOf(orm);
  const { transaction, participants } = watch(connection);
  const name = orm.em.name;
  const requestManager = (): EntityManager => orm.config.get('context')(name) ?? orm.em;
  const owns = (em: EntityManager) => em.getDriver() === orm.em.getDriver();

  const fork = (options?: ForkOptions) =>
    requestManager().fork({ ...options, disableContextResolution: true });
  const managerHere = () => TransactionContext.getEntityManager(name) ?? requestManager();

  const transactionOf = (em: EntityManager) => {
    const handle = owns(em) ? em.getTransactionContext() : undefined;
    return handle === undefined ? undefined : transaction(sqlTransaction(handle)).innermost();
  };

  return {
    connection,
    participants,
    transaction,
    hasSessionHooks:
      orm.config.get('onCreateConnection') !== undefined ||
      orm.config.get('onReserveConnection') !== undefined ||
      orm.config.get('sessionContext') === 'connection',
    owns,
    transactionOf,
    ambient: () => {
      const flowing = flowingTransaction();
      const open = flowing?.connection === connection ? flowing.innermost() : undefined;
      return open ?? transactionOf(managerHere());
    },
    inside: (open, work) => {
      if (open === undefined || transactionOf(managerHere()) === open) return work();
      const em = fork();
      em.setTransactionContext(open.handle);
      return TransactionContext.create(em, work);
    },
    fork,
  };
}
