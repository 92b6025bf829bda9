import type { Event } from '../events/event.js';
import type { EventLog } from '../log/event-log.js';
import type { Series } from '../log/group-commit.js';
import type { Transaction } from '../log/transactions.js';
import type { PublishOptions } from '../log/publish-options.js';
import type { Announcer } from './announcer.js';
import type { Audience } from './audience.js';
import type { Preparation } from './preparation.js';
import type { Publication } from './publication.js';
import type { Writer } from './writer.js';

/** Something that feeds the store in the background; `settled` and `close` of the store wait for it. */
export interface BackgroundSource {
  settled(): Promise<void>;
  close(): Promise<void>;
}

/**
 * `publish` taken apart, for publishers that cannot wait for it: `prepare` copies the event at once, `enlist` takes
 * it into an open transaction; where there is none, `store` and then `announce` follow in the background.
 */
export class Recording {
  readonly #log: EventLog;
  readonly #preparation: Preparation;
  readonly #writer: Writer;
  readonly #audience: Audience;
  /** Those who cannot be told later. */
  readonly #inTransaction: Audience;
  readonly #sources = new Set<BackgroundSource>();

  constructor(log: EventLog, preparation: Preparation, writer: Writer, announcer: Announcer) {
    this.#log = log;
    this.#preparation = preparation;
    this.#writer = writer;
    this.#audience = announcer;
    this.#inTransaction = {
      needsTransaction: (publication) => announcer.needsTransaction(publication),
      announce: () => Promise.resolve(),
    };
  }

  /**
   * Checks and copies the event, and remembers the context it was published in.
   *
   * @returns A promise only when its schema's validator is asynchronous.
   * @throws Everything that `publish` throws before any SQL.
   */
  prepare(event: Event, options: PublishOptions = {}): Publication | Promise<Publication> {
    return this.#preparation.prepare(event, options);
  }

  /**
   * Takes the event into the transaction open around `publisher`, else into the one open here.
   *
   * @returns False when there is none; nothing was done then.
   * @throws {TransactionTooLarge} {TransactionMismatch}
   */
  enlist(publication: Publication, publisher?: object): boolean {
    const transaction = this.#transactionAround(publisher);
    if (transaction === undefined) return false;
    this.#writer.enlist(transaction, publication, this.#audience);
    return true;
  }

  /** True when {@link enlist} would find a transaction. */
  isInTransaction(publisher?: object): boolean {
    return this.#transactionAround(publisher) !== undefined;
  }

  /** True when {@link store} opens a transaction for the event, instead of writing it together with others. */
  needsTransaction(publication: Publication): boolean {
    return this.#inTransaction.needsTransaction(publication);
  }

  /**
   * Records the event in the context of its publisher, but in no transaction that was opened there meanwhile. Its
   * handlers wait for {@link announce}.
   *
   * @param series Shared by calls that must keep their order: behind one that fails because the log is away, the
   * others reject with {@link LogUnavailable} unwritten.
   */
  async store(publication: Publication, series?: Series): Promise<void> {
    const write = () => this.#writer.write(publication, this.#inTransaction, series);
    await publication.resume(() => this.#log.transactions?.outside(write) ?? write());
  }

  /** Runs the handlers of an event that {@link store} has recorded. Never rejects: failures go to `onError`. */
  announce(publication: Publication): Promise<void> {
    return publication.resume(() => this.#writer.announceQuietly(publication, this.#audience));
  }

  /** Makes the store's `settled` and `close` wait for this source. */
  attach(source: BackgroundSource): void {
    this.#sources.add(source);
  }

  async settled(): Promise<void> {
    for (const source of this.#sources) await source.settled();
  }

  async close(): Promise<void> {
    for (const source of this.#sources) await source.close();
  }

  #transactionAround(publisher: object | undefined): Transaction | undefined {
    const { transactions } = this.#log;
    const own = publisher === undefined ? undefined : transactions?.of?.(publisher);
    return own ?? transactions?.current();
  }
}
