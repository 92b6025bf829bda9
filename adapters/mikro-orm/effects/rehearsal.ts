import { AsyncLocalStorage } from 'node:async_hooks';
import { TransactionContext } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/core';
import { effectScope, outsideScopes } from '../../../src/index.js';
import type { Effect, EffectScope } from '../../../src/index.js';
import type { Home } from '../transactions/home.js';
import { compile } from '../transactions/sql-connection.js';
import type { SqlConnection, SqlTransaction } from '../transactions/sql-connection.js';
import { lateTransaction } from './late-transaction.js';
import { RehearsedTransaction } from './rehearsed-transaction.js';
import { held, watchSession } from './sessions.js';

const storage = new AsyncLocalStorage<Rehearsal>();

/**
 * The transaction or savepoint that captured runs work in, whatever they open themselves, until it is rolled back. It
 * begins when they first turn to the database, if they do.
 */
export class Rehearsal {
  /** Has the transaction open, as far as anybody can tell. */
  readonly em: EntityManager;
  readonly #connection: SqlConnection;
  readonly #transaction: RehearsedTransaction;
  readonly #late: SqlTransaction;
  readonly #transactionOf: Home['transaction'];
  #turns: Promise<void> = Promise.resolve();
  #sending: Promise<unknown> = Promise.resolve();
  /** Within a transaction that the run has opened. */
  readonly #isNested = new AsyncLocalStorage<boolean>();
  #isBounded = false;

  constructor({ connection, fork, transaction }: Home, rehearsed: RehearsedTransaction) {
    this.#connection = connection;
    this.#transaction = rehearsed;
    this.#late = lateTransaction(connection.getClient(), () => this.#begun());
    this.#transactionOf = transaction;
    this.em = fork({ cloneEventManager: true });
    this.em.setTransactionContext(this.#late);
  }

  isOn(connection: SqlConnection): boolean {
    return this.#connection === connection;
  }

  /** True of the session that all of this happens on. */
  owns(session: object): boolean {
    return this.#transaction.owns(session);
  }

  /** True of a savepoint that the run has opened itself, and may end. */
  hasWithin(handle: SqlTransaction): boolean {
    const { opened } = this.#transaction;
    if (opened === undefined || handle === this.#late || handle === opened.handle) return false;
    return this.#transactionOf(handle).isIn(opened);
  }

  /**
   * Where a statement, or a savepoint, for `handle` goes; left out: one that has no transaction of its own.
   *
   * @throws {EffectForbidden} It belongs to somebody else, who would commit what the run does.
   */
  async at(scope: EffectScope, handle: SqlTransaction | undefined): Promise<SqlTransaction> {
    const opened = await this.open(scope);
    if (handle === undefined) return (opened.innermost() ?? opened).handle;
    if (handle === this.#late || handle === opened.handle) return opened.handle;
    if (!this.hasWithin(handle)) throw scope.refuse('SQL in a transaction that the run has not begun');
    return handle;
  }

  /** What the run waits for here is none of its budget, but no statement of its own outlasts that. */
  async open(scope: EffectScope) {
    const opened = this.#transaction.opened ?? (await scope.spared.during(() => this.#transaction.open()));
    await this.#bound(scope, opened.handle);
    // Whoever has waited for this longer than the run has lasted waits on.
    return scope.isOpen ? opened : held(scope.escape('SQL after the end of the run'));
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

  /** Nobody finds its transaction any more. */
  end(): void {
    this.#transactionOf(this.#late).rolledBack();
  }

  /** For statements that do not pass the connection: of `em.getKysely()`, and of the log. */
  async #begun(): Promise<SqlTransaction> {
    const scope = effectScope();
    if (this.#transaction.isOver) {
      if (scope?.isOpen === false) return held(scope.escape('SQL after the end of the run'));
      throw rolledBack();
    }
    const { handle } = await (scope === undefined ? this.#transaction.open() : this.open(scope));
    if (this.#transaction.isOver) throw rolledBack();
    return handle;
  }

  /** No lock that a statement waits for keeps it longer. */
  async #bound({ deadline }: EffectScope, handle: SqlTransaction): Promise<void> {
    if (this.#isBounded || deadline === undefined) return;
    this.#isBounded = true;
    const left = Math.max(1, Math.ceil(deadline - outsideScopes(() => Date.now())));
    const statement = compile('select set_config($1, $2, true)', ['statement_timeout', String(left)]);
    await outsideScopes(() => handle.executeQuery(statement));
  }
}

/** As Kysely says it. */
function rolledBack(): Error {
  return new Error('Transaction is already rolled back');
}

/** The rehearsal that this code runs in. */
export function rehearsal(): Rehearsal | undefined {
  return storage.getStore();
}

/**
 * Runs `work` in a transaction, or savepoint of the one open here, that is rolled back in any case.
 *
 * @throws What kept the transaction from beginning: what `work` made of that is nothing to go by.
 */
export async function rehearse<T>(
  home: Home,
  work: () => Promise<T>,
  undone: readonly Effect[] = [],
): Promise<T> {
  const transaction = new RehearsedTransaction(home, undone);
  await home.connection.ensureConnection();
  await watchSessions(home);
  const current = new Rehearsal(home, transaction);
  try {
    return await storage.run(current, () => TransactionContext.create(current.em, work));
  } finally {
    current.end();
    await transaction.end();
  }
}

const watched = new WeakSet<SqlConnection>();

/** Any session shows the class of all. */
async function watchSessions({ connection, ambient }: Home): Promise<void> {
  if (watched.has(connection)) return;
  // The one that is open here may be the only one there is.
  const runner = ambient()?.handle ?? connection.getClient();
  await runner.getExecutor().provideConnection(async (session) => watchSession(session, rehearsal));
  watched.add(connection);
}
