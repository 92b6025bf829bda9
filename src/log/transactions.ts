import type { Effect } from '../effects/effect.js';
import type { PublishOptions } from './publish-options.js';
import type { Append, Stored } from './event-log.js';

/** The transactions of a log's database, as the application opens them. */
export interface Transactions {
  /**
   * The transaction that a write made here belongs to; `undefined` when there is none.
   *
   * @param options Those of the publish; an adapter may have declared a handle of its own there.
   * @throws {TransactionMismatch} The handle is not the open transaction's.
   */
  current(options?: PublishOptions): Transaction | undefined;

  /** The transaction open around an object the database's library manages, such as an entity. */
  of?(publisher: object): Transaction | undefined;

  /** Opens a transaction for `work`; commits it when `work` resolves, else rolls it back. */
  run<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;

  /**
   * Runs `work` in a transaction, or savepoint of the one open here, that is rolled back in any case; within, whatever
   * captured runs do to the database happens in it. Left out: nothing that a handler can write belongs to transactions
   * of this log.
   *
   * @param undone Effects of another run that `work` shall not see, where they can be undone.
   */
  rehearse?<T>(work: () => Promise<T>, undone?: readonly Effect[]): Promise<T>;

  /**
   * Runs `work` where the database's library finds the open transaction by itself. Left out: it always does where
   * {@link Transactions.current} does.
   *
   * @param options Those of the publish.
   */
  inside?<T>(work: () => T, options?: PublishOptions): T;

  /** Runs `work` where no transaction can be found: a handler must not write into a finished one (hazards H18). */
  outside<T>(work: () => T): T;
}

/** An open transaction. What is recorded in it commits or vanishes with it, savepoints included. */
export interface Transaction {
  /**
   * Takes an append without an expected version and writes it as late as possible in the transaction, so that
   * stream rows are locked shortly and in one order (hazards H16).
   *
   * @throws {TransactionTooLarge}
   */
  add(entry: TransactionEntry): void;

  /**
   * Writes what was added so far, then this, and answers.
   *
   * @throws {WrongExpectedVersion} {DuplicateEvent} The transaction stays usable.
   */
  write(entry: TransactionEntry): Promise<void>;

  /** Writes what was added so far. */
  flush(): Promise<void>;

  /** From here on the transaction can only roll back; its commit fails with `reason`. */
  doom(reason: unknown): void;
}

/** One append in a transaction, and whom to tell. */
export interface TransactionEntry {
  readonly append: Append;
  /** Called when the append stands in the transaction; again when a savepoint took it along and it was rewritten. */
  written(stored: Stored): void;
  /**
   * Called once before the outermost commit, when the append stands in the transaction. May read, write and add; a
   * rejection vetoes the commit.
   */
  beforeCommit?(): Promise<void>;
  /** Called after the outermost commit. Must not throw; the commit waits for it. */
  committed(): void | Promise<void>;
  /** Called when it vanished with its transaction or savepoint, or never committed. */
  rolledBack(): void;
}
