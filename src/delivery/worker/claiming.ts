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

type Claimed = readonly ClaimedDelivery[];

/** So many are claimed at once in any case; a worker with many places claims for half of them. */
const atOnce = 100;

/**
 * Claims as many deliveries as there are free places, and runs them in this process. A place is free when its handler
 * has come back: the next deliveries are claimed while the log is told of the last ones, and while those that came
 * before are started.
 */
export class Claiming implements Intake {
  readonly #parts: ClaimingParts;
  #ahead: Promise<Claimed> | undefined;
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
    const claimed = await (this.#takeAhead() ?? this.#claim([]));
    if (this.#more && claimed.length >= atOnce) this.#claimAhead(claimed);
    await this.#start(claimed);
    return claimed.length;
  }

  async dueIn(): Promise<number | undefined> {
    return this.#more ? undefined : this.#parts.deliveries.nextDueIn(this.#hungry);
  }

  async isQuiet(): Promise<boolean> {
    return this.#lookedForAll && this.#ahead === undefined && this.#parts.runs.size === 0;
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await this.#start((await this.#takeAhead()?.catch(() => undefined)) ?? []);
  }

  async close(): Promise<void> {}

  #takeAhead(): Promise<Claimed> | undefined {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead;
  }

  #claimAhead(coming: Claimed): void {
    this.#ahead = this.#claim(coming);
    this.#ahead.then(this.#parts.wake, this.#parts.wake);
  }

  /** @param coming Those that have their places already. */
  async #claim(coming: Claimed): Promise<Claimed> {
    const { deliveries, worker, leaseFor, concurrency, runs } = this.#parts;
    const handling = runs.handling();
    const busy = [...handling.values()].reduce((sum, count) => sum + count, coming.length);
    // As many again may wait for the log, and no more, should it be slow.
    const free = Math.min(concurrency - busy, 2 * concurrency - runs.size - coming.length);
    const limit = Math.min(free, Math.max(atOnce, Math.ceil(concurrency / 2)));
    const countIn = (some: Claimed, name: string) => some.filter(({ handler }) => handler === name).length;
    const placesOf = ({ name, queued }: QueuedSubscription) =>
      Math.min(
        limit,
        (queued.concurrency ?? concurrency) - (handling.get(name) ?? 0) - countIn(coming, name),
      );
    this.#lookedForAll = runs.size === 0 && coming.length === 0;
    const handlers = this.#parts
      .handlers()
      .map((handler) => ({ name: handler.name, limit: placesOf(handler) }))
      .filter((each) => each.limit > 0);
    this.#more = true;
    if (this.#paused || handlers.length === 0) return [];
    const claimed = await deliveries.claim({ handlers, limit, worker, leaseFor, sequencing: fewEvents });
    this.#more =
      claimed.length >= limit || handlers.some(({ name, limit: most }) => countIn(claimed, name) >= most);
    this.#hungry = handlers.map((each) => each.name);
    return claimed;
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
    const ending = await this.#parts.runs.start(delivery, handler, () => {
      if (this.#more) this.#parts.wake();
    });
    // What waits behind one of an ordered handler is due now.
    if (ending.kind === 'failed' || this.#more || handler.queued.orderedBy !== undefined) this.#parts.wake();
  }
}
