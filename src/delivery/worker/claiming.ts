import type { ClaimedDelivery, DeliveryLog } from '../delivery-log.js';
import type { QueuedSubscription } from '../subscription.js';
import type { Intake, Intaken } from './intake.js';
import type { Runs } from './runs.js';

export interface ClaimingParts {
  readonly deliveries: DeliveryLog;
  /** Those to run here, at this moment. */
  readonly handlers: () => readonly QueuedSubscription[];
  readonly runs: Runs;
  /** Makes the worker look again. */
  readonly wake: () => void;
  readonly worker: string;
  readonly leaseFor: number;
  readonly concurrency: number;
}

/** Claims as many deliveries as there are free places, and runs them in this process. */
export class Claiming implements Intake {
  readonly #parts: ClaimingParts;
  #more = false;
  #paused = false;

  constructor(parts: ClaimingParts) {
    this.#parts = parts;
  }

  get running(): number {
    return this.#parts.runs.size;
  }

  async take(): Promise<Intaken> {
    const { deliveries, worker, leaseFor, concurrency, runs } = this.#parts;
    const limit = concurrency - runs.size;
    const handlers = this.#parts
      .handlers()
      .map((handler) => ({ name: handler.name, limit: Math.min(limit, this.#placesOf(handler)) }))
      .filter((each) => each.limit > 0);
    this.#more = true;
    if (this.#paused || handlers.length === 0) return { found: 0, more: true, hungry: [] };
    const claimed = await deliveries.claim({ handlers, limit, worker, leaseFor });
    const taken = (name: string) => claimed.filter((each) => each.handler === name).length;
    this.#more = claimed.length >= limit || handlers.some((each) => taken(each.name) >= each.limit);
    await this.#start(claimed);
    return { found: claimed.length, more: this.#more, hungry: handlers.map((each) => each.name) };
  }

  async pause(): Promise<void> {
    this.#paused = true;
  }

  async close(): Promise<void> {}

  #placesOf({ name, queued }: QueuedSubscription): number {
    return (queued.concurrency ?? this.#parts.concurrency) - this.#parts.runs.countOf(name);
  }

  async #start(claimed: readonly ClaimedDelivery[]): Promise<void> {
    const unwanted: string[] = [];
    for (const delivery of claimed) {
      const handler = this.#parts.handlers().find(({ name }) => name === delivery.handler);
      if (handler === undefined || this.#paused) unwanted.push(delivery.token);
      else void this.#run(delivery, handler);
    }
    if (unwanted.length > 0) await this.#parts.deliveries.release(unwanted);
  }

  async #run(delivery: ClaimedDelivery, handler: QueuedSubscription): Promise<void> {
    const ending = await this.#parts.runs.start(delivery, handler);
    // What waits behind one of an ordered handler is due now.
    if (ending.kind === 'failed' || this.#more || handler.queued.orderedBy !== undefined) this.#parts.wake();
  }
}
