import type { Event } from '../events/event.js';
import type { PublishOptions } from '../log/publish-options.js';

/** A delivery as it travels through a scheduler: ids only. */
export interface DeliveryJob {
  /** Unlike that of any other job ever given. */
  readonly token: string;
  readonly handler: string;
  readonly eventId: string;
  /** As the handler's options say. */
  readonly queue: string | undefined;
  readonly priority: number | undefined;
}

/**
 * - `done`: its handler has run and its delivery is done.
 * - `failed`: it has run and failed; what becomes of the delivery now is not the scheduler's business.
 * - `void`: the job means nothing any more: somebody else has the delivery, or it is over.
 * - `elsewhere`: it still holds, and cannot run here at this moment: to be offered again in a while, best to another
 *   process. Nothing is lost when the scheduler gives it up in the end.
 */
export type JobOutcome =
  | { readonly kind: 'done' | 'void' | 'elsewhere' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The worker of a store, as a scheduler sees it. */
export interface SchedulerHost {
  /** How many jobs may run here at once, over all queues. */
  readonly concurrency: number;
  /** Milliseconds after which others take over what a killed process held. */
  readonly leaseFor: number;
  /** Never rejects. */
  run(job: Pick<DeliveryJob, 'token' | 'handler' | 'eventId'>): Promise<JobOutcome>;
  /** Records an event as the store's `publish` does. */
  publish(event: Event, options?: PublishOptions): Promise<unknown>;
  /** There is room for jobs again, or the connection is back. */
  wake(): void;
  /** Takes what no caller can be told. */
  report(error: unknown): void;
}

/**
 * Spreads deliveries over processes: a wake-up and a concurrency limiter that may lose everything it knows. The log holds
 * the truth.
 */
export interface Scheduler {
  readonly name: string;
  /** Begins to take jobs. Rejects for wrong settings only: what cannot be reached is tried again in the background. */
  start(host: SchedulerHost): Promise<SchedulerSession>;
}

export interface SchedulerSession {
  /** False while it is known to be out of reach: nothing is handed over to it then. */
  readonly isReachable: boolean;
  /**
   * Takes jobs of these queues from now on, and of no others; `undefined`: the scheduler's own. Called again as handlers
   * come and go.
   */
  consume(queues: ReadonlySet<string | undefined>): void;
  /** @throws When it has not taken the jobs within its own deadline. Some of them may have arrived, or yet arrive. */
  add(jobs: readonly DeliveryJob[]): Promise<void>;
  /** The tokens of jobs that it does not know any more, or has done with. @throws When it is out of reach. */
  missing(jobs: readonly Pick<DeliveryJob, 'token' | 'eventId' | 'queue'>[]): Promise<readonly string[]>;
  /** Takes no further jobs. Those that run are waited for by the caller. */
  pause(): Promise<void>;
  /** Frees what it holds. Bounded in time, also when it is out of reach. */
  close(): Promise<void>;
}
