import type { DeliveryLog, HandlerRegistration } from './delivery-log.js';
import type { QueuedSubscription } from './subscription.js';
import { fromRoot } from './worker/root-context.js';

/** Makes the queued handlers of a process known to the log: once, and again when one is added. */
export class Registrar {
  readonly #log: Pick<DeliveryLog, 'register'>;
  readonly #handlers: () => readonly QueuedSubscription[];
  /** Counts changes of the handlers. */
  #wanted = 0;
  #known = 0;
  #underWay: Promise<void> | undefined;

  constructor(log: Pick<DeliveryLog, 'register'>, handlers: () => readonly QueuedSubscription[]) {
    this.#log = log;
    this.#handlers = handlers;
  }

  changed(): void {
    this.#wanted += 1;
  }

  get isDone(): boolean {
    return this.#known === this.#wanted;
  }

  /** @returns `undefined` when all are known. @throws {SchemaOutdated} {LogUnavailable} The next call tries again. */
  ensure(): Promise<void> | undefined {
    if (this.isDone) return undefined;
    this.#underWay ??= fromRoot(() => this.#registerAll());
    return this.#underWay;
  }

  /** Within the transaction open here, whose fate the registration shares: what it commits is delivered. */
  async join(): Promise<void> {
    await this.#log.register(this.#registrations());
  }

  async #registerAll(): Promise<void> {
    try {
      while (!this.isDone) {
        const wanted = this.#wanted;
        await this.#log.register(this.#registrations());
        this.#known = wanted;
      }
    } finally {
      this.#underWay = undefined;
    }
  }

  #registrations(): readonly HandlerRegistration[] {
    return this.#handlers().map(({ name, types, queued }) => ({
      name,
      types: types && [...new Set(types)],
      from: queued.from,
      attempts: queued.attempts,
      ordered: queued.orderedBy !== undefined,
    }));
  }
}
