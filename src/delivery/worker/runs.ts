import type { ClaimedDelivery, DeliveryLog } from '../delivery-log.js';
import type { QueuedSubscription } from '../subscription.js';
import { DeliveryRun, type Ending, type Perform } from './delivery-run.js';
import { Leases } from './leases.js';
import { Outcomes } from './outcomes.js';
import { fromRoot } from './root-context.js';

export interface RunsParts {
  readonly deliveries: DeliveryLog;
  readonly perform: Perform;
  readonly report: (error: unknown) => void;
  readonly leaseFor: number;
  /** Called after each run. */
  readonly ended: () => void;
}

/** What one worker runs at this moment: each delivery under a lease, and its ending brought into the log. */
export class Runs {
  readonly #parts: RunsParts;
  readonly #leases: Leases;
  readonly #outcomes: Outcomes;
  readonly #running = new Map<DeliveryRun, Promise<Ending>>();

  constructor(parts: RunsParts) {
    this.#parts = parts;
    this.#leases = new Leases(parts.deliveries, parts.leaseFor, parts.report);
    this.#outcomes = new Outcomes(parts.deliveries, parts.report);
  }

  get size(): number {
    return this.#running.size;
  }

  /** By handler, how many of its runs have not come back: those that only wait for the log do not count. */
  handling(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { isHandling, handler } of this.#running.keys()) {
      if (isHandling) counts.set(handler.name, (counts.get(handler.name) ?? 0) + 1);
    }
    return counts;
  }

  /**
   * Resolves when the log knows how it ended. Never rejects.
   *
   * @param handled Called before that, when the handler has come back.
   */
  start(
    delivery: ClaimedDelivery,
    handler: QueuedSubscription,
    handled: () => void = () => {},
  ): Promise<Ending> {
    const run = new DeliveryRun(delivery, handler);
    this.#leases.hold(delivery.token, () => run.lose());
    const over = fromRoot(() => this.#see(run, handled));
    this.#running.set(run, over);
    return over;
  }

  async ended(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Aborts what still runs and gives it back, due at once, the attempt not counted. */
  async giveBack(): Promise<void> {
    const busy = [...this.#running.keys()].filter((run) => run.isHandling);
    for (const run of busy) run.stop();
    try {
      if (busy.length > 0) await this.#parts.deliveries.release(busy.map((run) => run.delivery.token));
    } catch (error) {
      this.#parts.report(error);
    }
    await this.ended();
  }

  /** Nothing is written any more from here on. */
  halt(): void {
    this.#outcomes.halt();
    this.#leases.dropAll();
  }

  async #see(run: DeliveryRun, handled: () => void): Promise<Ending> {
    const ending = await this.#endingOf(run, handled);
    this.#leases.drop(run.delivery.token);
    this.#running.delete(run);
    this.#parts.ended();
    return ending;
  }

  async #endingOf(run: DeliveryRun, handled: () => void): Promise<Ending> {
    try {
      const ending = await run.handle(this.#parts.perform);
      handled();
      await this.#outcomes.settle(run, ending);
      return ending;
    } catch (error) {
      this.#parts.report(error);
      return { kind: 'failed', error };
    }
  }
}
