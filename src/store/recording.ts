import { AsyncLocalStorage } from 'node:async_hooks';
import type { Around, Phase } from '../delivery/subscription.js';
import type { Effect } from '../effects/effect.js';
import { outsideScopes, type EffectScope } from '../effects/effect-scope.js';
import type { RunWatch } from '../effects/effect-witness.js';
import type { Event } from '../events/event.js';
import type { EventLog } from '../log/event-log.js';
import type { Series } from '../log/group-commit.js';
import type { Transaction } from '../log/transactions.js';
import type { PublishOptions } from '../log/publish-options.js';
import type { Announcer } from './announcer.js';
import type { Audience } from './audience.js';
import type { Preparation } from './preparation.js';
import { takenAlong, type Publication } from './publication.js';
import type { Stamp, Stamps } from './stamps.js';
import type { Writer } from './writer.js';

/** Something that feeds the store in the background; `settled` and `close` of the store wait for it. */
export interface BackgroundSource {
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface SurroundedSubscription {
  readonly run: Phase;
  readonly end: () => void;
}

/** What stands in a transaction to hear of its end. It writes nothing. */
const nothing = { stream: undefined, expected: undefined, records: [] } as const;

type SubscribeAround = (handler: unknown, options: object, around: Around) => SurroundedSubscription;

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
  readonly #stamps: Stamps;
  readonly #subscribe: SubscribeAround;

  constructor(
    log: EventLog,
    preparation: Preparation,
    writer: Writer,
    announcer: Announcer,
    { stamps, subscribe }: { readonly stamps: Stamps; readonly subscribe: SubscribeAround },
  ) {
    this.#stamps = stamps;
    this.#subscribe = subscribe;
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
    const prepared = this.#preparation.prepare(event, options);
    return prepared instanceof Promise ? prepared.then(takenAlong) : takenAlong(prepared);
  }

  /**
   * The same publication, of which `tell` hears before all handlers of the store and where they run: once it is
   * committed, in the context of its publisher, in no transaction.
   *
   * @param name For the report of what it throws.
   */
  tellFirst(publication: Publication, name: string, tell: () => unknown): Publication {
    const first = {
      name,
      run: 'after-commit',
      queued: undefined,
      types: undefined,
      handler: tell,
      call: tell,
    } as const;
    return { ...publication, first };
  }

  /**
   * Runs `work`, which belongs to no event, once the transaction open around `publisher`, else the one open here, has
   * committed: in this context, but in no transaction. It is dropped with a rollback, also that of a savepoint.
   *
   * @returns False when there is none; nothing was done then.
   * @throws {TransactionMismatch}
   */
  follow(work: () => void, publisher?: object): boolean {
    const transaction = this.#transactionAround(publisher);
    if (transaction === undefined) return false;
    const resume = AsyncLocalStorage.snapshot();
    transaction.add({
      append: nothing,
      written: () => undefined,
      committed: () => resume(() => this.apart(work)),
      rolledBack: () => undefined,
    });
    return true;
  }

  /**
   * Takes the event into the transaction open around `publisher`, else into the one open here.
   *
   * @param rolledBack Called when the event vanishes with its transaction or savepoint.
   * @returns False when there is none; nothing was done then.
   * @throws {TransactionTooLarge} {TransactionMismatch}
   */
  enlist(publication: Publication, publisher?: object, rolledBack?: () => void): boolean {
    const transaction = this.#transactionAround(publisher);
    if (transaction === undefined) return false;
    this.#writer.enlist(transaction, publication, { audience: this.#audience, rolledBack });
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

  /** Lets events of this type keep what `stamp` says of them, in their metadata. @returns What ends it. */
  stamp(type: string, stamp: Stamp): () => void {
    return this.#stamps.add(type, stamp);
  }

  /** Runs `work` in no transaction that is open here, and with effects that happen unnoted. */
  apart<T>(work: () => T): T {
    const { transactions } = this.#log;
    return outsideScopes(() => (transactions === undefined ? work() : transactions.outside(work)));
  }

  /**
   * Runs `work` where what captured runs do to the log's database is rolled back in any case.
   *
   * @param undone Effects of another run that `work` shall not see, where they can be undone.
   */
  rehearse<T>(work: () => Promise<T>, undone?: readonly Effect[]): Promise<T> {
    return this.#log.transactions?.rehearse?.(work, undone) ?? work();
  }

  /** Watches what a run leaves behind, where the log can. */
  watch(scope: EffectScope, near?: readonly unknown[]): RunWatch | undefined {
    return this.#log.witness?.watch(scope, near);
  }

  /**
   * Subscribes a handler whose every call goes through `around`, which decides whether and how it happens.
   *
   * @throws What `subscribe` of the store throws.
   */
  subscribe(handler: unknown, options: object, around: Around): SurroundedSubscription {
    return this.#subscribe(handler, options, around);
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
