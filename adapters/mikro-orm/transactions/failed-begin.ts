import { AsyncLocalStorage } from 'node:async_hooks';
import { isBroken } from './broken-connection.js';

/** What is used of Kysely where it opens a transaction. */
interface Client {
  getExecutor(): Executor;
  startTransaction(): Builder;
}

interface Executor {
  provideConnection(use: (connection: unknown) => Promise<unknown>, options?: unknown): Promise<unknown>;
}

interface Builder {
  setIsolationLevel(level: unknown): Builder;
  setAccessMode(mode: unknown): Builder;
  execute(): Promise<unknown>;
}

/** Resolves when the BEGIN that this async flow sends has failed for good. */
const failures = new AsyncLocalStorage<Promise<void>>();
const known = new WeakSet<object>();

/**
 * Makes a transaction that could not begin give its connection back. Kysely keeps it when BEGIN fails, so that each
 * connection that broke while it was idle would cost the application a place in its pool for good.
 */
export function returnAfterFailedBegin(client: unknown): void {
  if (!isClient(client) || known.has(client)) return;
  known.add(client);
  const executor = client.getExecutor();
  const provideConnection = executor.provideConnection.bind(executor);
  executor.provideConnection = (use, options) => {
    const failed = failures.getStore();
    if (failed === undefined) return provideConnection(use, options);
    return provideConnection((connection) => Promise.race([use(connection), failed]), options);
  };
  const startTransaction = client.startTransaction.bind(client);
  client.startTransaction = () => returning(startTransaction());
}

function returning(builder: Builder): Builder {
  return {
    setIsolationLevel: (level) => returning(builder.setIsolationLevel(level)),
    setAccessMode: (mode) => returning(builder.setAccessMode(mode)),
    async execute() {
      const failed = Promise.withResolvers<void>();
      try {
        return await failures.run(failed.promise, () => builder.execute());
      } catch (error) {
        if (isBroken(error)) failed.resolve();
        throw error;
      }
    },
  };
}

function isClient(value: unknown): value is Client {
  const { getExecutor, startTransaction } = (value ?? {}) as Partial<Record<keyof Client, unknown>>;
  return typeof getExecutor === 'function' && typeof startTransaction === 'function';
}
