import { TransactionMismatch } from '../../errors/log-errors.js';
import type { Append, AppendOutcome } from '../event-log.js';
import { TransactionScope } from '../transaction-scope.js';
import type { Transaction } from '../transactions.js';
import { copyState, type MemoryState } from './state.js';
import { Turns } from './turns.js';

export type WriteTo = (state: MemoryState, appends: readonly Append[]) => readonly AppendOutcome[];

/**
 * A transaction or savepoint: a state of its own from its first write on.
 *
 * While a savepoint is open, whatever else its parent is asked for waits, as it would on one connection.
 */
export class Frame {
  readonly parent: Frame | undefined;
  readonly scope: TransactionScope;
  readonly transaction: Transaction;
  readonly #turns = new Turns();
  #state: MemoryState;
  #copied = false;
  #open = true;
  #inner: Frame | undefined;

  constructor(state: MemoryState, makeScope: (frame: Frame) => TransactionScope, parent?: Frame) {
    this.#state = state;
    this.parent = parent;
    this.scope = makeScope(this);
    this.transaction = {
      add: (entry) => this.scope.add(entry),
      write: (entry) => this.inTurn(() => this.scope.write(entry)),
      flush: () => this.inTurn(() => this.scope.flush()),
      doom: (reason) => this.scope.doom(reason),
    };
  }

  static root(state: MemoryState, write: WriteTo, maxEvents: number): Frame {
    const writeInto = (frame: Frame) => async (appends: readonly Append[]) =>
      write(frame.#innermost().writable(), appends);
    return new Frame(state, (frame) => new TransactionScope(writeInto(frame), maxEvents));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get state(): MemoryState {
    return this.#state;
  }

  writable(): MemoryState {
    if (!this.#copied) this.#state = copyState(this.#state);
    this.#copied = true;
    return this.#state;
  }

  /** @throws {TransactionMismatch} It ended before the turn came. */
  inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#turns.take(() => {
      if (!this.#open) throw new TransactionMismatch('The transaction that this belongs to has ended.');
      return work();
    });
  }

  /** Opens a savepoint. Call it in turn. */
  nested(): Frame {
    this.#inner = new Frame(this.#state, () => this.scope.nested(), this);
    return this.#inner;
  }

  /** Everything stands; nothing more is taken. */
  close(): void {
    this.#open = false;
    if (this.parent !== undefined) this.parent.#inner = undefined;
  }

  release(): void {
    this.close();
    const parent = this.parent;
    if (parent !== undefined && this.#copied) {
      parent.#state = this.#state;
      parent.#copied = true;
    }
    this.scope.release();
  }

  rollBack(): void {
    this.close();
    this.scope.rollBack();
  }

  #innermost(): Frame {
    return this.#inner === undefined ? this : this.#inner.#innermost();
  }
}
