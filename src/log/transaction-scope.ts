import { TransactionMismatch, TransactionTooLarge } from '../errors/log-errors.js';
import type { Append, AppendFailure, AppendOutcome, Stored } from './event-log.js';
import type { Transaction, TransactionEntry } from './transactions.js';

/** Writes appends within the database transaction that a scope stands for. */
export type WriteAppends = (appends: readonly Append[]) => Promise<readonly AppendOutcome[]>;

interface Enlisted {
  readonly entry: TransactionEntry;
  /** The scope in which it was written; `undefined` while it waits. */
  writtenIn: TransactionScope | undefined;
  reacted: boolean;
}

/**
 * One database transaction or savepoint, and what was recorded in it.
 *
 * Scopes form a tree as savepoints nest: a released savepoint hands its entries to its parent, a rolled-back one
 * drops them, and only the commit of the root tells anybody (hazards H6).
 */
export class TransactionScope implements Transaction {
  readonly #write: WriteAppends;
  readonly #parent: TransactionScope | undefined;
  readonly #maxEvents: number;
  #enlisted: Enlisted[] = [];
  #eventCount = 0;
  #ended = false;
  #doomed: { readonly reason: unknown } | undefined;
  /** Of the root: ends when the write in flight ends. One connection takes one statement at a time. */
  #inFlight: Promise<unknown> = Promise.resolve();

  constructor(write: WriteAppends, maxEvents: number, parent?: TransactionScope) {
    this.#write = write;
    this.#maxEvents = maxEvents;
    this.#parent = parent;
  }

  /** A savepoint within this scope. */
  nested(): TransactionScope {
    return new TransactionScope(this.#write, this.#maxEvents, this);
  }

  get recordedNothing(): boolean {
    return this.#enlisted.length === 0;
  }

  /** True when everything recorded stands in the database already, so that a commit has no statement of ours left. */
  get isWritten(): boolean {
    return this.#enlisted.every((each) => each.writtenIn !== undefined);
  }

  /** @throws {TransactionMismatch} The transaction or savepoint has ended: nobody would ever write the entry. */
  add(entry: TransactionEntry): void {
    this.#refuseWhenEnded();
    this.#refuseOverflow(entry);
    this.#enlist({ entry, writtenIn: undefined, reacted: false });
  }

  /** @throws {TransactionTooLarge} {TransactionMismatch} The transaction or savepoint has ended. */
  write(entry: TransactionEntry): Promise<void> {
    return this.#oneByOne(() => this.#writeNow(entry));
  }

  /** Also waits for the write in flight. @throws {DuplicateEvent} for something added; it waits on, so that the commit fails too. */
  flush(): Promise<void> {
    return this.#oneByOne(() => this.#flushNow());
  }

  async #writeNow(entry: TransactionEntry): Promise<void> {
    this.#refuseWhenEnded();
    this.#refuseOverflow(entry);
    const waiting = this.#waiting();
    const place = this.#enlisted.length;
    const enlisted: Enlisted = { entry, writtenIn: undefined, reacted: false };
    const outcomes = await this.#write([...waiting, enlisted].map((each) => each.entry.append));
    this.#refuseWhenEnded();
    const refused = this.#settle(waiting, outcomes);
    const own = answerAt(outcomes, waiting.length);
    if ('failure' in own) throw own.failure;
    this.#enlist(enlisted, place);
    this.#stand(enlisted, own.stored);
    if (refused !== undefined) throw refused;
  }

  async #flushNow(): Promise<void> {
    const waiting = this.#waiting();
    if (waiting.length === 0) return;
    const refused = this.#settle(waiting, await this.#write(waiting.map((each) => each.entry.append)));
    if (refused !== undefined) throw refused;
  }

  doom(reason: unknown): void {
    this.#doomed ??= { reason };
  }

  /** Throws what doomed this scope or a released savepoint of it. Call it before the commit. */
  throwIfDoomed(): void {
    if (this.#doomed !== undefined) throw this.#doomed.reason;
  }

  /**
   * Lets entries do what they want to do before the commit. Flush before, and after, as long as this says true: what
   * they do may record more.
   */
  async react(): Promise<boolean> {
    const due = this.#enlisted.filter((each) => !each.reacted && each.entry.beforeCommit !== undefined);
    for (const each of due) {
      each.reacted = true;
      await each.entry.beforeCommit?.();
    }
    return due.length > 0;
  }

  /** The savepoint was released: its entries now share the fate of the parent. */
  release(): void {
    const parent = this.#parent;
    if (parent === undefined) return;
    this.#ended = true;
    for (const each of this.#enlisted) parent.#enlist(each);
    for (const each of parent.#chain()) {
      if (each.writtenIn === this) each.writtenIn = parent;
    }
    if (this.#doomed !== undefined) parent.doom(this.#doomed.reason);
    this.#forget();
  }

  /** The transaction or savepoint was rolled back: its entries are gone; what others had written in it waits again. */
  rollBack(): void {
    this.#ended = true;
    const dropped = this.#forget();
    for (const each of this.#chain()) {
      if (each.writtenIn === this) each.writtenIn = undefined;
    }
    for (const each of dropped) each.entry.rolledBack();
  }

  /** The outermost commit has happened. */
  async commit(): Promise<void> {
    this.#ended = true;
    const failures: unknown[] = [];
    for (const { entry } of this.#forget()) {
      try {
        await entry.committed();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  eventIds(): readonly string[] {
    return this.#enlisted.flatMap((each) => each.entry.append.records.map((record) => record.id));
  }

  #waiting(): readonly Enlisted[] {
    return this.#chain().filter((each) => each.writtenIn === undefined);
  }

  /** Entries of the root first, then of each savepoint down to this one: the order in which they were recorded. */
  #chain(): readonly Enlisted[] {
    return this.#parent === undefined ? this.#enlisted : [...this.#parent.#chain(), ...this.#enlisted];
  }

  /** Every append that was written is marked as standing, also behind one that failed. Returns the first failure. */
  #settle(waiting: readonly Enlisted[], outcomes: readonly AppendOutcome[]): AppendFailure | undefined {
    let refused: AppendFailure | undefined;
    waiting.forEach((each, index) => {
      const outcome = answerAt(outcomes, index);
      if ('failure' in outcome) refused ??= outcome.failure;
      else this.#stand(each, outcome.stored);
    });
    return refused;
  }

  #stand(enlisted: Enlisted, stored: Stored): void {
    enlisted.writtenIn = this;
    enlisted.entry.written(stored);
  }

  #enlist(enlisted: Enlisted, place = this.#enlisted.length): void {
    this.#enlisted.splice(place, 0, enlisted);
    this.#eventCount += enlisted.entry.append.records.length;
  }

  #forget(): readonly Enlisted[] {
    const forgotten = this.#enlisted;
    this.#enlisted = [];
    this.#eventCount = 0;
    return forgotten;
  }

  #held(): number {
    return this.#eventCount + (this.#parent === undefined ? 0 : this.#parent.#held());
  }

  #refuseWhenEnded(): void {
    if (this.#ended) throw new TransactionMismatch('The transaction that this was recorded in has ended.');
  }

  #refuseOverflow(entry: TransactionEntry): void {
    if (this.#held() + entry.append.records.length > this.#maxEvents)
      throw new TransactionTooLarge(this.#maxEvents);
  }

  #oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const root = this.#root();
    const turn = root.#inFlight.then(work);
    root.#inFlight = turn.catch(() => undefined);
    return turn;
  }

  #root(): TransactionScope {
    return this.#parent === undefined ? this : this.#parent.#root();
  }
}

function answerAt(outcomes: readonly AppendOutcome[], index: number): AppendOutcome {
  const outcome = outcomes[index];
  if (outcome === undefined) throw new Error('The log answered fewer appends than it was given.');
  return outcome;
}
