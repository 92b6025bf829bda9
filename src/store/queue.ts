import { DeadLetters } from '../delivery/dead-letters.js';
import type { DeliveryLog } from '../delivery/delivery-log.js';
import { Replays } from '../delivery/replays.js';
import { Registrar } from '../delivery/registrar.js';
import type { Scheduler, SchedulerHost } from '../delivery/scheduler.js';
import { isQueued, type QueuedSubscription, type Subscription } from '../delivery/subscription.js';
import type { Subscriptions } from '../delivery/subscriptions.js';
import { whyFrom, type Why } from '../delivery/why.js';
import { Worker } from '../delivery/worker/worker.js';
import { workSettings, type WorkOptions } from '../delivery/worker/worker-options.js';
import { InvalidArgument } from '../errors/argument-errors.js';
import { DuplicateHandler, InvalidHandler } from '../errors/handler-errors.js';
import type { EventLog } from '../log/event-log.js';
import type { Transaction } from '../log/transactions.js';
import { BackgroundSequencing } from './background-sequencing.js';
import type { EventTypes } from './event-types.js';
import type { Publication } from './publication.js';
import { queuedPerformer, reviveFor } from './queued-performer.js';
import { storedEvent } from './stored-event.js';

export interface QueueParts {
  readonly log: EventLog;
  readonly types: EventTypes;
  readonly subscriptions: Subscriptions;
  readonly scheduler: Scheduler | undefined;
  readonly publish: SchedulerHost['publish'];
  readonly report: (error: unknown) => void;
}

/** The queued side of a store: its handlers in the log's deliveries, and the workers that run them. */
export class Queue {
  readonly #store: object;
  readonly #parts: QueueParts;
  readonly #handlers = new Map<string, QueuedSubscription>();
  readonly #registrar: Registrar | undefined;
  readonly #workers = new Set<Worker>();
  /** Transactions whose commit registers already. */
  readonly #joined = new WeakSet<Transaction>();
  readonly #sequencing: BackgroundSequencing | undefined;
  #closed = false;

  constructor(store: object, parts: QueueParts) {
    this.#store = store;
    this.#parts = parts;
    const { log, report } = parts;
    const { deliveries } = log;
    if (deliveries === undefined) return;
    const registrar = new Registrar(deliveries, () => [...this.#handlers.values()]);
    this.#registrar = registrar;
    this.#sequencing = new BackgroundSequencing({
      deliveries,
      isOpen: () => log.isOpen?.() ?? true,
      hasHandlers: () => this.#handlers.size > 0,
      register: () => registrar.ensure(),
      report,
    });
  }

  /** @returns What ends the subscription; the log goes on making deliveries. @throws {DuplicateHandler} {InvalidHandler} */
  subscribe(subscription: Subscription): () => void {
    const { subscriptions } = this.#parts;
    if (!isQueued(subscription)) return subscriptions.add(subscription);
    const { name } = subscription;
    this.#refuse(subscription);
    this.#handlers.set(name, subscription);
    this.#registrar?.changed();
    const remove = subscriptions.add(subscription);
    return () => {
      remove();
      if (this.#handlers.get(name) === subscription) this.#handlers.delete(name);
    };
  }

  /** Before a write of its own: makes handlers known, so that they get what is written. */
  register({ context }: Publication): Promise<void> | undefined {
    return context.capture === undefined ? this.#registrar?.ensure() : undefined;
  }

  /** Before a write in `transaction`: what to do in it before its commit, to the same end. */
  registration({ context }: Publication, transaction: Transaction): (() => Promise<void>) | undefined {
    const registrar = this.#registrar;
    if (context.capture !== undefined || registrar === undefined || registrar.isDone) return undefined;
    if (this.#joined.has(transaction)) return undefined;
    this.#joined.add(transaction);
    return () => registrar.join();
  }

  /** Something was committed: workers here look at it at once, else it is sequenced for those elsewhere. */
  committed({ context }: Publication): void {
    if (context.capture !== undefined) return;
    this.#wake();
  }

  async work(options: WorkOptions = {}): Promise<Worker> {
    const { log, types, scheduler, publish, report } = this.#parts;
    const deliveries = this.#deliveries();
    const settings = workSettings(options, [...this.#handlers.keys()]);
    await this.#registrar?.ensure();
    if (this.#closed) throw new InvalidArgument('work', 'called on a store that is open', 'a closed store');
    const worker = new Worker(
      {
        deliveries,
        handlers: () => [...this.#handlers.values()],
        register: () => this.#registrar?.ensure(),
        perform: queuedPerformer(this.#store, { log, deliveries, types }),
        revive: reviveFor(types),
        scheduler,
        publish,
        report,
      },
      settings,
    );
    this.#workers.add(worker);
    try {
      await worker.ready();
    } catch (error) {
      await worker.stop();
      throw error;
    }
    return worker;
  }

  get deadLetters(): DeadLetters {
    return new DeadLetters(this.#deliveries(), () => this.#wake());
  }

  get replays(): Replays {
    return new Replays({
      log: this.#deliveries(),
      kindOf: (handler) => this.#handlers.get(handler)?.queued.kind,
      register: () => this.#registerHere(),
      wake: () => this.#wake(),
    });
  }

  async why(eventId: string): Promise<Why> {
    const { log, subscriptions } = this.#parts;
    const { deliveries } = log;
    const event = await storedEvent(log, eventId);
    const [streams, fates, registrations] = await Promise.all([
      log.streamsOf(eventId),
      deliveries?.fatesOf(eventId) ?? [],
      deliveries?.registrations() ?? [],
    ]);
    const here = event === undefined ? [] : subscriptions.for(event.type, []);
    return whyFrom({
      eventId,
      event,
      streams,
      fates,
      registrations,
      here: [...here, ...this.#handlers.values()],
    });
  }

  /** Stops the workers, and ends what runs in the background. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#workers, (worker) => worker.stop()));
    await this.#sequencing?.close();
  }

  #registerHere(): Promise<void> | undefined {
    const registrar = this.#registrar;
    if (registrar === undefined || registrar.isDone) return undefined;
    return this.#parts.log.transactions?.current() === undefined ? registrar.ensure() : registrar.join();
  }

  #wake(): void {
    const workers = [...this.#workers].filter((worker) => !worker.isStopping);
    for (const worker of workers) worker.wake();
    if (workers.length === 0) this.#sequencing?.committed();
  }

  #refuse(subscription: QueuedSubscription): void {
    const { handler, name } = subscription;
    if (this.#parts.log.deliveries === undefined) {
      throw new InvalidHandler(
        handler,
        `${name} asks to be queued, and the log "${this.#parts.log.name}" keeps no deliveries.`,
        "Give the store a log that does, such as `mikroOrmLog(orm)`, or subscribe it with `run: 'after-commit'`.",
      );
    }
    if (this.#handlers.has(name)) throw new DuplicateHandler(name);
  }

  #deliveries(): DeliveryLog {
    const { deliveries, name } = this.#parts.log;
    if (deliveries !== undefined) return deliveries;
    throw new InvalidArgument('log', 'one that keeps deliveries', name, 'Give the store `mikroOrmLog(orm)`.');
  }
}
