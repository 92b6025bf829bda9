import { InvalidArgument } from '../errors/argument-errors.js';
import { HandlersFailed } from '../errors/handler-errors.js';
import type { Event } from '../events/event.js';
import type { EventLog } from '../log/event-log.js';
import { GroupCommit, type Series } from '../log/group-commit.js';
import type { Transaction, TransactionEntry } from '../log/transactions.js';
import type { Announcer } from './announcer.js';
import type { Audience } from './audience.js';
import { place, seal, takenAlong, type Publication } from './publication.js';
import type { Queue } from './queue.js';

export interface Enlisting {
  readonly audience: Audience;
  readonly rolledBack?: (() => void) | undefined;
}

/** Brings publications into the log: into the open transaction, or together with others in one statement. */
export class Writer {
  readonly #log: EventLog;
  readonly #groupCommit: GroupCommit;
  readonly #announcer: Announcer;
  readonly #queue: Queue;
  readonly #report: (error: unknown) => void;

  constructor(log: EventLog, announcer: Announcer, queue: Queue, report: (error: unknown) => void) {
    this.#log = log;
    this.#groupCommit = new GroupCommit(log);
    this.#announcer = announcer;
    this.#queue = queue;
    this.#report = report;
  }

  /**
   * Writes and announces. Within a transaction the announcement follows its outermost commit; its failures go to
   * `onError`, because a committed transaction must not fail.
   */
  async write(publication: Publication, audience: Audience, series?: Series): Promise<readonly Event[]> {
    const { events, options } = publication;
    if (events.length === 0) return events;
    const transaction = this.#log.transactions?.current(options);
    if (transaction !== undefined) {
      await this.#join(transaction, publication, audience);
      return events;
    }
    const registering = this.#queue.register(publication);
    if (registering !== undefined) await registering;
    if (audience.needsTransaction(publication)) {
      await this.#writeInOwnTransaction(publication, audience);
      return events;
    }
    place(publication, await this.#groupCommit.append(publication.append, series));
    this.#stands(publication);
    await audience.announce(publication);
    return events;
  }

  /**
   * Without waiting: takes the publication into an open transaction, to be written as late as possible in it.
   * Handlers that belong into the transaction run before its outermost commit, which their failure vetoes.
   */
  enlist(
    transaction: Transaction,
    publication: Publication,
    { audience, rolledBack = () => undefined }: Enlisting,
  ): void {
    if (publication.events.length === 0) return;
    const inTransaction = audience.needsTransaction(publication);
    const told = this.#entry(publication, (committed) => this.announceQuietly(committed, audience));
    const entry = { ...told, rolledBack };
    const register = this.#queue.registration(publication, transaction);
    const beforeCommit = async () => {
      await register?.();
      if (inTransaction) await this.#announcer.runInTransaction(publication);
    };
    transaction.add(inTransaction || register !== undefined ? { ...entry, beforeCommit } : entry);
  }

  idle(): Promise<void> {
    return this.#groupCommit.idle();
  }

  /** Never rejects: what handlers of committed events throw goes to `onError`. */
  async announceQuietly(publication: Publication, audience: Audience): Promise<void> {
    try {
      await audience.announce(publication);
    } catch (error) {
      if (error instanceof HandlersFailed) for (const each of error.errors) this.#report(each);
      else this.#report(error);
    }
  }

  async #join(transaction: Transaction, publication: Publication, audience: Audience): Promise<void> {
    const inTransaction = audience.needsTransaction(publication);
    const told = this.#entry(publication, (committed) => this.announceQuietly(committed, audience));
    const beforeCommit = this.#queue.registration(publication, transaction);
    const entry = beforeCommit === undefined ? told : { ...told, beforeCommit };
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

  /** Announces with the commit, so that handlers hear this before what in-transaction handlers published. */
  async #writeInOwnTransaction(publication: Publication, audience: Audience): Promise<void> {
    const { transactions } = this.#log;
    if (transactions === undefined) {
      throw new InvalidArgument(
        'run',
        `'after-commit' on ${this.#log.name}, which has no transactions`,
        'in-transaction',
      );
    }
    const failures: unknown[] = [];
    const entry = this.#entry(publication, (committed) =>
      audience.announce(committed).catch((error: unknown) => void failures.push(error)),
    );
    await transactions.run(async (transaction) => {
      await transaction.write(entry);
      await this.#announcer.runInTransaction(publication);
    });
    if (failures.length > 0) throw failures[0];
  }

  /** It is committed: handlers see what stands. */
  #stands(publication: Publication): void {
    seal(publication);
    this.#queue.committed(publication);
  }

  #entry(given: Publication, announce: (committed: Publication) => Promise<void>): TransactionEntry {
    const publication = takenAlong(given);
    return {
      append: publication.append,
      written: (stored) => place(publication, stored),
      committed: () => {
        this.#stands(publication);
        return announce(publication);
      },
      rolledBack: () => undefined,
    };
  }
}
