import { AsyncLocalStorage } from 'node:async_hooks';
import type { Transaction, Transactions } from '../transactions.js';
import { Frame, type WriteTo } from './frame.js';
import { emptyState, type MemoryState } from './state.js';
import { Turns } from './turns.js';

/** Holds the committed state and lets one writer at a time work on a copy of it. */
export class MemoryTransactions implements Transactions {
  readonly #here = new AsyncLocalStorage<Frame | undefined>();
  readonly #turns = new Turns();
  readonly #write: WriteTo;
  readonly #maxEvents: number;
  readonly #committing: (state: MemoryState) => void;
  #committed = emptyState();

  /** @param committing Is given each state that has become the committed one, to complete it. */
  constructor(write: WriteTo, maxEvents: number, committing: (state: MemoryState) => void) {
    this.#write = write;
    this.#maxEvents = maxEvents;
    this.#committing = committing;
  }

  current(): Transaction | undefined {
    return this.#frame()?.transaction;
  }

  async run<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const outer = this.#frame();
    if (outer !== undefined) return outer.inTurn(() => this.#runSavepoint(outer.nested(), work));
    const { scope, result } = await this.#turns.take(() => this.#runRoot(work));
    await scope.commit();
    return result;
  }

  outside<T>(work: () => T): T {
    return this.#here.run(undefined, work);
  }

  /** What a read made here sees. */
  async visible(): Promise<MemoryState> {
    const frame = this.#frame();
    if (frame === undefined) return this.#committed;
    await frame.transaction.flush();
    return frame.state;
  }

  /** Changes the open transaction's state, or else the committed one. `write` throws before it changes anything. */
  change<T>(write: (state: MemoryState) => T): Promise<T> {
    const frame = this.#frame();
    if (frame === undefined) return this.#turns.take(() => this.#changeCommitted(write));
    return frame.inTurn(async () => {
      await frame.scope.flush();
      return write(frame.writable());
    });
  }

  #changeCommitted<T>(write: (state: MemoryState) => T): T {
    const result = write(this.#committed);
    this.#committing(this.#committed);
    return result;
  }

  async #runRoot<T>(work: (transaction: Transaction) => Promise<T>) {
    const frame = Frame.root(this.#committed, this.#write, this.#maxEvents);
    const complete = async (transaction: Transaction): Promise<T> => {
      const result = await work(transaction);
      do await transaction.flush();
      while (await frame.scope.react());
      return result;
    };
    const result = await this.#attempt(frame, complete, async () => {
      await frame.scope.flush();
      frame.scope.throwIfDoomed();
      frame.close();
    });
    this.#committed = frame.state;
    this.#committing(this.#committed);
    return { result, scope: frame.scope };
  }

  #runSavepoint<T>(frame: Frame, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#attempt(frame, work, () => frame.release());
  }

  /** Calls nobody waits for still come before the end, as statements queued on one connection do. */
  async #attempt<T>(
    frame: Frame,
    work: (transaction: Transaction) => Promise<T>,
    finish: () => void | Promise<void>,
  ): Promise<T> {
    try {
      const result = await this.#here.run(frame, () => work(frame.transaction));
      await frame.inTurn(finish);
      return result;
    } catch (error) {
      await frame.inTurn(() => frame.rollBack());
      throw error;
    }
  }

  /** Work that outlives its savepoint belongs to the transaction around it, and then to none. */
  #frame(): Frame | undefined {
    let frame = this.#here.getStore();
    while (frame !== undefined && !frame.isOpen) frame = frame.parent;
    return frame;
  }
}
