import { AsyncLocalStorage } from 'node:async_hooks';
import { TransactionContext } from '@mikro-orm/core';
import type { OpenTransaction } from './open-transaction.js';

/**
 * The transaction that this async flow works in where MikroORM's own context does not tell: during an implicit flush,
 * in hooks of a commit, and while a log writes.
 */
interface Flow {
  readonly transaction: OpenTransaction;
  /** MikroORM's context around it. A newer one wins. */
  readonly context: TransactionContext | undefined;
}

const flows = new AsyncLocalStorage<Flow | undefined>();

export function within<T>(transaction: OpenTransaction, work: () => T): T {
  return flows.run({ transaction, context: TransactionContext.currentTransactionContext() }, work);
}

export function withinNone<T>(work: () => T): T {
  return flows.run(undefined, work);
}

export function flowingTransaction(): OpenTransaction | undefined {
  const flow = flows.getStore();
  return flow?.context === TransactionContext.currentTransactionContext() ? flow?.transaction : undefined;
}
