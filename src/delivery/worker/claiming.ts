import type { ClaimedDelivery, DeliveryLog } from '../delivery-log.js';
import type { QueuedSubscription } from '../subscription.js';
import type { Intake } from './intake.js';
import type { Runs } from './runs.js';
import { fewEvents } from './sequencing.js';

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

/**
 * Claims as many deliveries as there are free places, and runs them in this process. A place is free when its handler
 * has come back: the next deliveries are claimed while the log is told of the last ones.
 */
export class Claiming implements Intake {
  readonly #parts: ClaimingParts;
  #more = false;
  #hungry: readonly string[] = [];
  /** Whether every handler had all its places free when it was looked for deliveries. */
  #lookedForAll = false;
  #paused = false;

  constructor(parts: ClaimingParts) {
    this.#parts = parts;
  }

  async ready(): Promise<void> {}

  async take(): Promise<number> {
    const { deliveries, worker, leaseFor, concurrency, runs } = this.#parts;
    const handling = runs.handling();
    const busy = [...handling.values()].reduce((sum, count) => sum + count, 0);
    // As many again may wait for the log, and no more, should it be slow.
    const limit = Math.min(concurrency - busy, 2 * concurrency - runs.size);
    const placesOf = ({ name, queued }: QueuedSubscription) =>
      Math.min(limit, (queued.concurrency ?? concurrency) - (handling.get(name) ?? 0));
    this.#lookedForAll = runs.size === 0;
    const handlers = this.#parts
      .handlers()
      .map((handler) => ({ name: handler.name, limit: placesOf(handler) }))
      .filter((each) => each.limit > 0);
    this.#more = true;
    if (this.#paused || handlers.length === 0) return 0;
    const claimed = await deliveries.claim({ handlers, limit, worker, leaseFor, sequencing: fewEvents });
    const taken = (name: string) => claimed.filter((each) => each.handler === name).length;
    this.#more = claimed.length >= limit || handlers.some((each) => taken(each.name) >= each.limit);
    this.#hungry = handlers.map((each) => each.name);
    await this.#start(claimed);
    return claimed.length;
  }

  async dueIn(): Promise<number | undefined> {
    return this.#more ? undefined : this.#parts.deliveries.nextDueIn(this.#hungry);
  }

  async isQuiet(): Promise<boolean> {
    return this.#lookedForAll && this.#parts.runs.size === 0;
  }

  async pause(): Promise<void> {
    this.#paused = true;
  }

  async close(): Promise<void> {}

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
    const ending = await this.#parts.runs.start(delivery, handler, () => {
      if (this.#more) this.#parts.wake();
    });
    // What waits behind one of an ordered handler is due now.
    if (ending.kind === 'failed' || this.#more || handler.queued.orderedBy !== undefined) this.#parts.wake();
  }
}
