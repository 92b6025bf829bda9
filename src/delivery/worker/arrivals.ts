import type { ClaimedDelivery, DeliveryLog } from '../delivery-log.js';
import type { JobOutcome } from '../scheduler.js';
import type { QueuedSubscription } from '../subscription.js';
import type { Ending } from './delivery-run.js';
import { Places } from './places.js';
import type { Runs } from './runs.js';
import { type ArrivedJob, Takes } from './takes.js';

export interface ArrivalsParts {
  readonly deliveries: DeliveryLog;
  readonly handlers: () => readonly QueuedSubscription[];
  readonly runs: Runs;
  readonly worker: string;
  readonly leaseFor: number;
  readonly concurrency: number;
  readonly report: (error: unknown) => void;
}

/** Runs what a scheduler brings, as far as it still holds and there is room for it here. */
export class Arrivals {
  readonly #parts: ArrivalsParts;
  readonly #takes: Takes;
  readonly #places: Places;
  /** How many of each handler are here, run or wait to. */
  readonly #present = new Map<string, number>();
  readonly #entering = new Set<Promise<unknown>>();
  #paused = false;

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
    const { deliveries, worker, leaseFor, report } = parts;
    this.#takes = new Takes({ deliveries, lease: { worker, leaseFor }, report });
    this.#places = new Places(parts.concurrency);
  }

  get size(): number {
    return [...this.#present.values()].reduce((sum, each) => sum + each, 0);
  }

  countOf(handler: string): number {
    return this.#present.get(handler) ?? 0;
  }

  /** Never rejects. */
  async run(job: ArrivedJob): Promise<JobOutcome> {
    const handler = this.#parts.handlers().find(({ name }) => name === job.handler);
    if (this.#paused) return this.#giveBack(job.token);
    if (handler === undefined || this.countOf(job.handler) >= (handler.queued.concurrency ?? Infinity)) {
      return { kind: 'elsewhere' };
    }
    this.#present.set(job.handler, this.countOf(job.handler) + 1);
    try {
      return await this.#runPresent(job, handler);
    } finally {
      this.#present.set(job.handler, this.countOf(job.handler) - 1);
    }
  }

  /** Resolves when nothing is on its way any more from a scheduler to its run. */
  async pause(): Promise<void> {
    this.#paused = true;
    this.#places.close();
    this.#takes.halt();
    while (this.#entering.size > 0) await Promise.all(this.#entering);
  }

  async #runPresent(job: ArrivedJob, handler: QueuedSubscription): Promise<JobOutcome> {
    if (!(await this.#places.enter())) return this.#giveBack(job.token);
    try {
      const entering = this.#enter(job);
      this.#entering.add(entering);
      const delivery = await entering;
      // Started in the same turn in which it stops to be entering: whoever waits for the one sees the other.
      const running = delivery && this.#parts.runs.start(delivery, handler);
      this.#entering.delete(entering);
      return running === undefined ? { kind: 'void' } : outcomeOf(await running);
    } finally {
      this.#places.leave();
    }
  }

  async #enter(job: ArrivedJob): Promise<ClaimedDelivery | undefined> {
    const delivery = await this.#takes.take(job);
    if (delivery === undefined || !this.#paused) return delivery;
    await this.#giveBack(delivery.token);
    return undefined;
  }

  async #giveBack(token: string): Promise<JobOutcome> {
    try {
      await this.#parts.deliveries.release([token]);
    } catch (error) {
      this.#parts.report(error);
    }
    return { kind: 'void' };
  }
}

function outcomeOf(ending: Ending): JobOutcome {
  if (ending.kind === 'failed') return ending;
  return { kind: ending.kind === 'given-back' ? 'void' : 'done' };
}
