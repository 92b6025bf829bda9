import type { DeliveryJob, SchedulerHost, SchedulerSession } from '../../src/index.js';
import type { Backend } from './backend.js';
import { Complaints } from './complaints.js';
import { Consumers } from './consumers.js';
import { Crons } from './cron/crons.js';
import { inTime } from './deadline.js';
import { deliveryProcessor } from './delivery-processor.js';
import { jobIdOf } from './job-id.js';
import { JobQueues } from './job-queues.js';
import type { BullmqSettings } from './options.js';
import { Reachability } from './reachability.js';

export interface SessionParts {
  readonly backend: Backend;
  readonly settings: BullmqSettings;
  readonly host: SchedulerHost;
  /** Called each time that the server is in reach again. */
  readonly back: () => void;
}

const kept = { removeOnComplete: true, removeOnFail: { age: 7 * 24 * 3_600, count: 1_000 } };
/** Milliseconds for a server to show that it can be taken leave of. */
const lastWord = 500;
/** So many deadlines may pass while many jobs are looked up. */
const patience = 5;

export class BullmqSession implements SchedulerSession {
  readonly #parts: SessionParts;
  readonly #queues: JobQueues;
  readonly #consumers: Consumers;
  readonly #crons: Crons;
  readonly #reachability: Reachability;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { backend, settings, host } = parts;
    const complaints = new Complaints((error) => host.report(error));
    const complain = (error: unknown) => complaints.hear(error);
    const lost = (error: unknown) => this.#reachability.lost(error);
    const common = { backend, settings, lost, complain };
    this.#queues = new JobQueues(common);
    this.#consumers = new Consumers({
      ...common,
      concurrency: host.concurrency,
      leaseFor: host.leaseFor,
      process: deliveryProcessor(host),
    });
    this.#crons = new Crons({ ...common, host, queues: this.#queues });
    this.#reachability = new Reachability({
      probe: () => this.#probe(),
      back: () => this.#back(),
      report: (error) => host.report(error),
    });
  }

  get isReachable(): boolean {
    return this.#reachability.isReachable;
  }

  consume(queues: ReadonlySet<string | undefined>): void {
    this.#consumers.follow(new Set(Array.from(queues, (queue) => this.#nameOf(queue))));
  }

  async add(jobs: readonly DeliveryJob[]): Promise<void> {
    const byQueue = Map.groupBy(jobs, ({ queue }) => this.#nameOf(queue));
    const adding = Array.from(byQueue, ([name, each]) => this.#queues.of(name).addBulk(each.map(toBulkJob)));
    await this.#inTime(1, Promise.all(adding));
    this.#reachability.worked();
  }

  async missing(
    jobs: readonly Pick<DeliveryJob, 'token' | 'eventId' | 'queue'>[],
  ): Promise<readonly string[]> {
    const states = jobs.map(async (job) => {
      const state = await this.#queues.of(this.#nameOf(job.queue)).getJobState(jobIdOf(job));
      return { token: job.token, isOver: ['unknown', 'completed', 'failed'].includes(state) };
    });
    const known = await this.#inTime(patience, Promise.all(states));
    return known.filter(({ isOver }) => isOver).map(({ token }) => token);
  }

  async pause(): Promise<void> {
    await Promise.all([this.#consumers.pause(), this.#crons.pause()]);
  }

  async close(): Promise<void> {
    this.#reachability.close();
    const force = !(await this.#answers());
    await Promise.all([this.#consumers.close(force), this.#crons.close(force)]);
    await this.#queues.close(force);
  }

  #nameOf(queue: string | undefined): string {
    return queue ?? this.#parts.settings.queue;
  }

  async #inTime<T>(deadlines: number, work: Promise<T>): Promise<T> {
    try {
      return await inTime(deadlines * this.#parts.settings.enqueueTimeout, work);
    } catch (error) {
      this.#reachability.lost(error);
      throw error;
    }
  }

  async #probe(): Promise<void> {
    const { settings } = this.#parts;
    await inTime(settings.enqueueTimeout, this.#queues.of(settings.queue).isPaused());
  }

  async #answers(): Promise<boolean> {
    try {
      await inTime(lastWord, this.#probe());
      return true;
    } catch {
      return false;
    }
  }

  #back(): void {
    this.#consumers.begin();
    this.#crons.begin();
    this.#parts.back();
    this.#parts.host.wake();
  }
}

function toBulkJob(job: DeliveryJob) {
  const { token, handler, eventId, priority } = job;
  return {
    name: handler,
    data: { token, handler, eventId },
    opts: { jobId: jobIdOf(job), ...kept, stackTraceLimit: 0, ...(priority && { priority }) },
  };
}
