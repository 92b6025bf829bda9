import type { ClaimedDelivery, ClaimRequest, DeliveryLog } from '../delivery-log.js';
import type { DeliveryJob } from '../scheduler.js';
import { Batches } from './batches.js';

export type ArrivedJob = Pick<DeliveryJob, 'token' | 'handler' | 'eventId'>;

export interface TakesParts {
  readonly deliveries: Pick<DeliveryLog, 'take'>;
  readonly lease: Pick<ClaimRequest, 'worker' | 'leaseFor'>;
  readonly report: (error: unknown) => void;
}

/** Takes over what schedulers bring: what arrives while one statement is in flight is taken by the next. */
export class Takes {
  readonly #parts: TakesParts;
  readonly #batches: Batches<ArrivedJob>;
  readonly #taken = new Map<string, ClaimedDelivery>();

  constructor(parts: TakesParts) {
    this.#parts = parts;
    this.#batches = new Batches(
      (jobs) => this.#take(jobs),
      (job) => job.token,
      parts.report,
    );
  }

  /** Never rejects. @returns `undefined` when the job means nothing any more, or the log does not answer. */
  async take(job: ArrivedJob): Promise<ClaimedDelivery | undefined> {
    if ((await this.#batches.add(job)) !== 'held') return undefined;
    const delivery = this.#taken.get(nameOf(job));
    this.#taken.delete(nameOf(job));
    return delivery;
  }

  /** Tries nothing again from here on. */
  halt(): void {
    this.#batches.halt();
  }

  async #take(jobs: readonly ArrivedJob[]): Promise<readonly string[]> {
    const taken = await this.#parts.deliveries.take(
      jobs.map(({ token }) => token),
      this.#parts.lease,
    );
    const ours = new Map(taken.map((each) => [nameOf({ ...each, eventId: each.event.id }), each]));
    return jobs.flatMap((job) => {
      const delivery = ours.get(nameOf(job));
      // The same delivery may have arrived under an older token, too: it is taken once.
      ours.delete(nameOf(job));
      if (delivery === undefined) return [job.token];
      this.#taken.set(nameOf(job), delivery);
      return [];
    });
  }
}

function nameOf({ handler, eventId }: Pick<ArrivedJob, 'handler' | 'eventId'>): string {
  return `${handler} ${eventId}`;
}
