import { InvalidArgument } from '../errors/argument-errors.js';
import { HandlersFailed } from '../errors/handler-errors.js';
import type { Event } from '../events/event.js';
import type { EventLog } from '../log/event-log.js';
import { GroupCommit } from '../log/group-commit.js';
import type { Transaction, TransactionEntry } from '../log/transactions.js';
import type { Announcer } from './announcer.js';
import { place, type Publication } from './publication.js';

/** Tells handlers of a committed publication, or not: the difference between `publish` and `append`. */
export type Announce = (publication: Publication) => Promise<void>;

/** Brings publications into the log: into the open transaction, or together with others in one statement. */
export class Writer {
  readonly #log: EventLog;
  readonly #groupCommit: GroupCommit;
  readonly #announcer: Announcer;
  readonly #report: (error: unknown) => void;

  constructor(log: EventLog, announcer: Announcer, report: (error: unknown) => void) {
    this.#log = log;
    this.#groupCommit = new GroupCommit(log);
    this.#announcer = announcer;
    this.#report = report;
  }

  /**
   * Writes and announces. Within a transaction the announcement follows its outermost commit; its failures go to
   * `onError`, because a committed transaction must not fail.
   */
  async write(publication: Publication, announce: Announce): Promise<readonly Event[]> {
    const { events, options } = publication;
    if (events.length === 0) return events;
    const transaction = this.#log.transactions?.current(options);
    if (transaction !== undefined) {
      await this.#join(transaction, publication, announce);
      return events;
    }
    if (this.#announcer.needsTransaction(publication)) await this.#writeInOwnTransaction(publication);
    else place(publication, await this.#groupCommit.append(publication.append));
    await announce(publication);
    return events;
  }

  /** Without waiting: takes the publication into an open transaction, to be written as late as possible in it. */
  enlist(transaction: Transaction, publication: Publication, announce: Announce): void {
    if (publication.events.length > 0) transaction.add(this.#entry(publication, announce));
  }

  idle(): Promise<void> {
    return this.#groupCommit.idle();
  }

  /** Never rejects: what handlers of committed events throw goes to `onError`. */
  async announceQuietly(publication: Publication, announce: Announce): Promise<void> {
    try {
      await announce(publication);
    } catch (error) {
      if (error instanceof HandlersFailed) for (const each of error.errors) this.#report(each);
      else this.#report(error);
    }
  }

  async #join(transaction: Transaction, publication: Publication, announce: Announce): Promise<void> {
    const inTransaction = this.#announcer.needsTransaction(publication);
    const entry = this.#entry(publication, announce);
    if (publication.append.expected === undefined && !inTransaction) transaction.add(entry);
    else await transaction.write(entry);
    if (inTransaction) await this.#runOrDoom(transaction, publication);
  }

  async #runOrDoom(transaction: Transaction, publication: Publication): Promise<void> {
    try {
      await this.#announcer.runInTransaction(publication);
    } catch (error) {
      transaction.doom(error);
      throw error;
    }
  }

  async #writeInOwnTransaction(publication: Publication): Promise<void> {
    const { transactions } = this.#log;
    if (transactions === undefined) {
      throw new InvalidArgument(
        'run',
        `'after-commit' on ${this.#log.name}, which has no transactions`,
        'in-transaction',
      );
    }
    const silent = this.#entry(publication, () => Promise.resolve());
    await transactions.run(async (transaction) => {
      await transaction.write(silent);
      await this.#announcer.runInTransaction(publication);
    });
  }

  #entry(publication: Publication, announce: Announce): TransactionEntry {
    return {
      append: publication.append,
      written: (stored) => place(publication, stored),
      committed: () => this.announceQuietly(publication, announce),
      rolledBack: () => undefined,
    };
  }
}
