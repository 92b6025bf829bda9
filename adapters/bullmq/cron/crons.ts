import type { SchedulerHost } from '../../../src/index.js';
import type { Backend } from '../backend.js';
import { Consumers } from '../consumers.js';
import { inTime } from '../deadline.js';
import type { JobQueues } from '../job-queues.js';
import type { BullmqCron, BullmqSettings } from '../options.js';
import { cronProcessor } from './cron-processor.js';

export interface CronsParts {
  readonly backend: Backend;
  readonly settings: BullmqSettings;
  readonly host: SchedulerHost;
  readonly queues: JobQueues;
  readonly lost: (error: unknown) => void;
  readonly complain: (error: unknown) => void;
}

/** Milliseconds: as long may what the scheduler has forgotten stay so. */
const lookEvery = 15_000;

const retried = {
  attempts: 20,
  backoff: { type: 'exponential', delay: 1_000 },
  removeOnComplete: true,
  removeOnFail: { age: 7 * 24 * 3_600, count: 100 },
};

/** Events that are published by the clock. They go by a queue of their own, which only those read who have some. */
export class Crons {
  readonly #parts: CronsParts;
  readonly #consumers: Consumers;
  readonly #queue: string;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(parts: CronsParts) {
    this.#parts = parts;
    const { settings, host } = parts;
    this.#queue = `${settings.queue}-cron`;
    const process = cronProcessor(settings.cron, (event, options) => host.publish(event, options));
    this.#consumers = new Consumers({ ...parts, concurrency: 1, leaseFor: parts.host.leaseFor, process });
    this.#consumers.follow(new Set(this.#hasAny ? [this.#queue] : []));
  }

  /** Again each time that the server is in reach again. */
  begin(): void {
    if (!this.#hasAny || this.#ended) return;
    this.#consumers.begin();
    clearTimeout(this.#timer);
    void this.#keep();
  }

  async pause(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#consumers.pause();
  }

  async close(force: boolean): Promise<void> {
    await this.pause();
    await this.#consumers.close(force);
  }

  get #hasAny(): boolean {
    return Object.keys(this.#parts.settings.cron).length > 0;
  }

  async #keep(): Promise<void> {
    const { settings, complain } = this.#parts;
    try {
      const all = Object.entries(settings.cron).map(([name, cron]) => this.#ensure(name, cron));
      await inTime(settings.enqueueTimeout, Promise.all(all));
    } catch (error) {
      complain(error);
    }
    if (this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#keep(), lookEvery * (0.75 + Math.random() / 4));
  }

  /** Not when it is there already: that would put off its next firing. */
  async #ensure(name: string, { pattern, every, tz }: BullmqCron): Promise<void> {
    const queue = this.#parts.queues.of(this.#queue);
    const known = await queue.getJobScheduler(name);
    if (known && known.pattern === pattern && known.every === every && known.tz === tz) return;
    const repeat = {
      ...(pattern !== undefined && { pattern }),
      ...(every !== undefined && { every }),
      ...(tz !== undefined && { tz }),
    };
    await queue.upsertJobScheduler(name, repeat, { name, data: {}, opts: retried });
  }
}
