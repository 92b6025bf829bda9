import type { Client, Runner, SqlTransaction } from '../transactions/sql-connection.js';

/** What is used of Kysely's class: it puts parts together. */
interface Composed {
  readonly constructor: new (parts: Parts) => SqlTransaction;
  getExecutor(): Executor;
}

interface Executor {
  withConnectionProvider(provider: Provider): Executor;
}

interface Provider {
  provideConnection(use: (session: Runner) => Promise<unknown>): Promise<unknown>;
}

interface Parts {
  readonly config: object;
  readonly dialect: object;
  readonly driver: object;
  readonly executor: Executor;
}

/** Transactions within one are asked of MikroORM, as savepoints; Kysely refuses them too. */
const driver = {
  beginTransaction: () =>
    Promise.reject(new Error('Kysely begins no transaction in a transaction of the entity manager.')),
};

/**
 * What an entity manager takes for its open transaction, and what `em.getKysely()` gives out, though the transaction
 * begins with the first statement only.
 *
 * @param client Whose dialect and plugins it has. @param open Gives the transaction, and begins it where it has not.
 */
export function lateTransaction(client: Client, open: () => Promise<SqlTransaction>): SqlTransaction {
  const composed = client as unknown as Composed;
  const executor = composed.getExecutor().withConnectionProvider({
    async provideConnection(use) {
      let result: unknown;
      const handle = await open();
      await handle.getExecutor().provideConnection(async (session) => {
        result = await use(session);
      });
      return result;
    },
  });
  return new composed.constructor({ config: {}, dialect: {}, driver, executor });
}
