import { outsideScopes } from '../../../src/index.js';
import type { Effect } from '../../../src/index.js';
import type { Home } from '../transactions/home.js';
import type { OpenTransaction } from '../transactions/open-transaction.js';
import { undoRows } from './undoing.js';

const rollBack = new Error('This transaction was for trying something out.');

/**
 * A transaction, or savepoint of the one open where this is made, that begins when it is asked for and is rolled back
 * in any case. Neither is an effect of the run that asks for it.
 */
export class RehearsedTransaction {
  readonly #home: Home;
  readonly #undone: readonly Effect[];
  readonly #around: OpenTransaction | undefined;
  readonly #over = Promise.withResolvers<void>();
  #isOver = false;
  #session: object | undefined;
  #opening: Promise<OpenTransaction> | undefined;
  #rolledBack: Promise<void> | undefined;
  #opened: OpenTransaction | undefined;

  /** @param undone Effects whose rows it puts back first, where they can be. */
  constructor(home: Home, undone: readonly Effect[]) {
    this.#home = home;
    this.#undone = undone;
    this.#around = home.ambient();
  }

  /** `undefined` until it has begun. */
  get opened(): OpenTransaction | undefined {
    return this.#opened;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** True of the session that all of this happens on. */
  owns(session: object): boolean {
    return this.#session === session;
  }

  /** Begins it, once. @throws What kept it from beginning, each time. */
  open(): Promise<OpenTransaction> {
    this.#opening ??= outsideScopes(() => this.#begin());
    return this.#opening;
  }

  /** @throws What kept it from beginning. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#over.resolve();
    await this.#rolledBack;
    await this.#opening;
  }

  #begin(): Promise<OpenTransaction> {
    const { promise, resolve, reject } = Promise.withResolvers<OpenTransaction>();
    const em = this.#home.fork();
    if (this.#around !== undefined) em.setTransactionContext(this.#around.handle);
    const transaction = em.transactional(async (inner) => {
      const own = this.#home.transactionOf(inner);
      if (own === undefined) throw new Error('MikroORM opened no transaction: `disableTransactions` is set.');
      if (!this.#isOver) {
        await own.handle.getExecutor().provideConnection(async (session) => {
          this.#session = session;
        });
        await undoRows(inner, own.handle, this.#undone);
      }
      this.#opened = own;
      resolve(own);
      await this.#over.promise;
      throw rollBack;
    });
    this.#rolledBack = transaction.catch((error: unknown) => {
      if (error !== rollBack) reject(error);
    });
    return promise;
  }
}
