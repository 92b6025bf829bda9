import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntityManager } from '@mikro-orm/core';
import { outsideScopes } from '../../../src/index.js';
import type { Effect, EffectScope } from '../../../src/index.js';
import type { OpenTransaction } from '../transactions/open-transaction.js';
import type { Home } from '../transactions/home.js';
import { compile } from '../transactions/sql-connection.js';
import type { SqlConnection, SqlTransaction } from '../transactions/sql-connection.js';
import { undoRows } from './undoing.js';
import { watchSession } from './sessions.js';

const storage = new AsyncLocalStorage<Rehearsal>();

/** The transaction or savepoint that captured runs work in, whatever they open themselves, until it is rolled back. */
export class Rehearsal {
  readonly em: EntityManager;
  readonly #transaction: OpenTransaction;
  #session: object | undefined;
  #turns: Promise<void> = Promise.resolve();
  #sending: Promise<unknown> = Promise.resolve();
  /** Within a transaction that the run has opened. */
  readonly #isNested = new AsyncLocalStorage<boolean>();
  #isBounded = false;

  constructor(em: EntityManager, transaction: OpenTransaction) {
    this.em = em;
    this.#transaction = transaction;
  }

  /** Where a statement without a transaction of its own goes. */
  get handle(): SqlTransaction {
    return (this.#transaction.innermost() ?? this.#transaction).handle;
  }

  isOn(connection: SqlConnection): boolean {
    return this.#transaction.connection === connection;
  }

  /** True of the session that all of this happens on. */
  owns(session: object): boolean {
    return this.#session === session;
  }

  async prepare(): Promise<void> {
    await this.#transaction.handle.getExecutor().provideConnection(async (session) => {
      this.#session = session;
      watchSession(session, rehearsal);
    });
  }

  /**
   * Runs a transaction of the run, which here is a savepoint. Those that would run side by side take turns: savepoints
   * of one session cannot overlap.
   */
  async transactional<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isNested.getStore() === true) return work();
    const before = this.#turns;
    const over = Promise.withResolvers<void>();
    this.#turns = over.promise;
    await before;
    try {
      return await this.#isNested.run(true, work);
    } finally {
      over.resolve();
    }
  }

  /** One session takes one statement at a time. */
  inTurn<T>(send: () => Promise<T>): Promise<T> {
    const sent = this.#sending.then(send);
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  /** No statement outlasts the budget of the run, and no lock that it waits for keeps it longer. */
  async bound({ deadline }: EffectScope): Promise<void> {
    if (this.#isBounded || deadline === undefined) return;
    this.#isBounded = true;
    const left = Math.max(1, Math.ceil(deadline - outsideScopes(() => Date.now())));
    const statement = compile('select set_config($1, $2, true)', ['statement_timeout', String(left)]);
    await outsideScopes(() => this.#transaction.handle.executeQuery(statement));
  }
}

/** The rehearsal that this code runs in. */
export function rehearsal(): Rehearsal | undefined {
  return storage.getStore();
}

/** Runs `work` in a transaction, or savepoint of the one open here, that is rolled back in any case. */
export async function rehearse<T>(
  home: Home,
  work: () => Promise<T>,
  undone: readonly Effect[] = [],
): Promise<T> {
  const around = home.ambient();
  const em = home.fork();
  if (around !== undefined) em.setTransactionContext(around.handle);
  const rollBack = new Error('This transaction was for trying something out.');
  let result: { readonly value: T } | undefined;
  try {
    await em.transactional(async (inner) => {
      const own = home.transactionOf(inner);
      if (own === undefined) throw new Error('MikroORM opened no transaction: `disableTransactions` is set.');
      const current = new Rehearsal(inner, own);
      await current.prepare();
      await undoRows(inner, own.handle, undone);
      result = { value: await storage.run(current, work) };
      throw rollBack;
    });
  } catch (error) {
    if (error !== rollBack || result === undefined) throw error;
  }
  return (result as { readonly value: T }).value;
}
