import { TransactionScope, UnknownCommitOutcome } from '../../../src/index.js';
import type { WriteAppends } from '../../../src/index.js';
import { isUnknownOutcome } from './unknown-outcome.js';
import { compile } from './sql-connection.js';
import type { SqlConnection, SqlTransaction } from './sql-connection.js';

/** A log that takes part in the transactions of a connection. */
export interface Participant {
  readonly maxEventsPerTransaction: number;
  /** Writes within `transaction`. */
  write(transaction: OpenTransaction, appends: Parameters<WriteAppends>[0]): ReturnType<WriteAppends>;
  /** Takes what was thrown when nobody was left to throw it to. Must not throw. */
  report(error: unknown): void;
}

/** A transaction or savepoint that MikroORM opened, from BEGIN to COMMIT or from SAVEPOINT to RELEASE. */
export class OpenTransaction {
  readonly connection: SqlConnection;
  readonly handle: SqlTransaction;
  readonly #parent: OpenTransaction | undefined;
  readonly #scopes = new Map<Participant, TransactionScope>();
  /** The savepoint that was opened last within this and is open still. */
  #inner: OpenTransaction | undefined;
  #state: 'open' | 'committing' | 'over' = 'open';

  constructor(connection: SqlConnection, handle: SqlTransaction, parent: OpenTransaction | undefined) {
    this.connection = connection;
    this.handle = handle;
    this.#parent = parent;
    if (parent !== undefined) parent.#inner = this;
  }

  /**
   * Where a statement sent now comes to stand: within the innermost open savepoint, or around a released one.
   * `undefined` from the moment of COMMIT.
   */
  innermost(): OpenTransaction | undefined {
    if (this.#state !== 'open') return this.#parent?.innermost();
    return this.#inner === undefined ? this : this.#inner.innermost();
  }

  /** The transaction around all savepoints. */
  root(): OpenTransaction {
    return this.#parent === undefined ? this : this.#parent.root();
  }

  /** True of it and of the savepoints in it, also of those that are over. */
  isIn(other: OpenTransaction): boolean {
    return this === other || this.#parent?.isIn(other) === true;
  }

  /** Made when first asked for, so that a transaction that records nothing costs nothing. */
  scope(participant: Participant): TransactionScope {
    const existing = this.#scopes.get(participant);
    if (existing !== undefined) return existing;
    const scope =
      this.#parent === undefined
        ? new TransactionScope(
            (appends) => participant.write(this, appends),
            participant.maxEventsPerTransaction,
          )
        : this.#parent.scope(participant).nested();
    this.#scopes.set(participant, scope);
    return scope;
  }

  /** Writes what is still to be written, and refuses what must not commit. */
  async prepareCommit(): Promise<void> {
    this.#inner?.released();
    this.#throwIfDoomed();
    if (this.#parent !== undefined) return;
    do {
      if (this.#isWritten() && !this.#recordedNothing()) await this.#refuseAborted();
      while (!this.#isWritten()) for (const scope of this.#scopes.values()) await scope.flush();
    } while (await this.#react());
    this.#throwIfDoomed();
    this.#state = 'committing';
  }

  /** COMMIT or RELEASE has happened. Never throws. */
  async committed(): Promise<void> {
    if (this.#parent !== undefined) return this.released();
    if (this.#state === 'over') return;
    this.#state = 'over';
    for (const [participant, scope] of this.#scopes) {
      try {
        await scope.commit();
      } catch (error) {
        participant.report(error);
      }
    }
  }

  /** What was recorded in this savepoint now shares the fate of what surrounds it. */
  released(): void {
    if (this.#state === 'over') return;
    this.#inner?.released();
    this.#leave();
    for (const scope of this.#scopes.values()) scope.release();
  }

  /** ROLLBACK has happened, or there is nothing left to roll back. Never throws. */
  rolledBack(): void {
    if (this.#state === 'over') return;
    this.#inner?.rolledBack();
    this.#leave();
    for (const [participant, scope] of this.#scopes) {
      try {
        scope.rollBack();
      } catch (error) {
        participant.report(error);
      }
    }
  }

  /** COMMIT failed with `error`. Gives back what to tell the caller. */
  async commitFailed(error: unknown): Promise<unknown> {
    if (this.#state !== 'committing') return error;
    if (this.handle.isCommitted) {
      await this.committed();
      return error;
    }
    const eventIds = [...this.#scopes.values()].flatMap((scope) => scope.eventIds());
    this.rolledBack();
    return eventIds.length > 0 && isUnknownOutcome(error) ? new UnknownCommitOutcome(eventIds, error) : error;
  }

  /**
   * The server answers COMMIT of an aborted transaction with ROLLBACK and without an error (hazards H6). Any
   * statement fails there; when none of ours is left to send, this one asks.
   */
  async #refuseAborted(): Promise<void> {
    await this.handle.executeQuery(compile('select pg_current_xact_id_if_assigned()', []));
  }

  async #react(): Promise<boolean> {
    let anyone = false;
    for (const scope of this.#scopes.values()) anyone = (await scope.react()) || anyone;
    return anyone;
  }

  #throwIfDoomed(): void {
    for (const scope of this.#scopes.values()) scope.throwIfDoomed();
  }

  #isWritten(): boolean {
    return [...this.#scopes.values()].every((scope) => scope.isWritten);
  }

  #recordedNothing(): boolean {
    return [...this.#scopes.values()].every((scope) => scope.recordedNothing);
  }

  #leave(): void {
    this.#state = 'over';
    const parent = this.#parent;
    if (parent !== undefined && parent.#inner === this) parent.#inner = undefined;
  }
}
