import type { DeliveryLog, HandedDelivery } from '../delivery-log.js';
import type { DeliveryJob, SchedulerSession } from '../scheduler.js';
import { Alarm } from './alarm.js';

export interface UpkeepParts {
  readonly deliveries: Pick<DeliveryLog, 'handedOver' | 'release' | 'renew'>;
  readonly session: Pick<SchedulerSession, 'isReachable' | 'missing'>;
  /** Names of the handlers whose deliveries are looked after. */
  readonly handlers: () => readonly string[];
  readonly jobOf: (handed: HandedDelivery) => DeliveryJob;
  /** Milliseconds that a delivery may wait at the scheduler without being looked after. */
  readonly leaseFor: number;
  readonly report: (error: unknown) => void;
}

const batch = 1_000;

/**
 * Compares what the log has handed over with what the scheduler knows, again and again: what it has lost is due again,
 * for whatever reason it was lost; the rest keeps its lease (hazards H9).
 */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #alarm = new Alarm();
  readonly #loop: Promise<void>;
  #ended = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#loop = this.#keep();
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#alarm.ring();
    await this.#loop;
  }

  async #keep(): Promise<void> {
    const every = this.#parts.leaseFor / 6;
    while (!this.#ended) {
      try {
        await this.#look();
      } catch (error) {
        this.#parts.report(error);
      }
      await this.#alarm.sleep(every * (0.75 + Math.random() / 4));
    }
  }

  async #look(): Promise<void> {
    const { deliveries, session, handlers, jobOf, leaseFor } = this.#parts;
    if (!session.isReachable) return;
    // What was handed over a moment ago may still be on its way.
    const within = (leaseFor * 11) / 12;
    const handed = await deliveries.handedOver(handlers(), { within, limit: batch });
    if (handed.length === 0 || this.#ended) return;
    const lost = new Set(await session.missing(handed.map(jobOf)));
    const tokens = handed.map(({ token }) => token);
    await deliveries.release(tokens.filter((token) => lost.has(token)));
    await deliveries.renew(
      tokens.filter((token) => !lost.has(token)),
      leaseFor,
    );
  }
}
