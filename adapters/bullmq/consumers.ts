import type { Backend, JobWorker, Processor } from './backend.js';
import { isConnectionError } from './connection-errors.js';
import { endInTime } from './job-queues.js';
import type { BullmqSettings } from './options.js';

export interface ConsumersParts {
  readonly backend: Backend;
  readonly settings: BullmqSettings;
  /** Over all queues; each takes so many at most. */
  readonly concurrency: number;
  /** Milliseconds. BullMQ, too, gives on what was fetched by a process that died before it took it. */
  readonly leaseFor: number;
  readonly process: Processor;
  readonly lost: (error: unknown) => void;
  readonly complain: (error: unknown) => void;
}

/** BullMQ gives up jobs of workers that died often; here the log decides on that. */
const maxStalledCount = 1_000_000;
/** Milliseconds, below which BullMQ would do little but renew locks. */
const shortestLock = 1_000;
/** Milliseconds that BullMQ waits after a failed fetch. */
const runRetryDelay = 1_000;

/** BullMQ's workers, one for each queue that is followed. */
export class Consumers {
  readonly #parts: ConsumersParts;
  readonly #workers = new Map<string, JobWorker>();
  #wanted: ReadonlySet<string> = new Set();
  #begun = false;
  #paused = false;

  constructor(parts: ConsumersParts) {
    this.#parts = parts;
  }

  follow(names: ReadonlySet<string>): void {
    this.#wanted = names;
    this.#adjust();
  }

  /** From here on: BullMQ's workers cannot begin where the server is away. */
  begin(): void {
    this.#begun = true;
    this.#adjust();
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await Promise.all(Array.from(this.#workers.values(), (worker) => worker.pause(true)));
  }

  async close(force: boolean): Promise<void> {
    this.#paused = true;
    await Promise.all(Array.from(this.#workers.values(), (worker) => endInTime(worker, force)));
  }

  #adjust(): void {
    if (!this.#begun || this.#paused) return;
    for (const [name, worker] of this.#workers) {
      if (this.#wanted.has(name)) continue;
      this.#workers.delete(name);
      void endInTime(worker, false);
    }
    for (const name of this.#wanted) {
      if (!this.#workers.has(name)) this.#workers.set(name, this.#open(name));
    }
  }

  #open(name: string): JobWorker {
    const { backend, settings, concurrency, leaseFor, process, lost, complain } = this.#parts;
    const { streams: _, ...own } = settings.queues[name] ?? {};
    const lockDuration = Math.max(leaseFor, shortestLock);
    const stalls = { lockDuration, stalledInterval: Math.ceil(lockDuration / 2) };
    const options = { concurrency, ...stalls, ...own, maxStalledCount, runRetryDelay };
    // That the server is away is said by the queue, whose connection is another one.
    const error = (failure: unknown) => (isConnectionError(failure) ? undefined : complain(failure));
    const worker = backend.openWorker(name, { process, options }, { error });
    worker.waitUntilReady().catch((failure: unknown) => {
      if (this.#workers.get(name) !== worker || this.#paused) return;
      this.#workers.delete(name);
      void endInTime(worker, true);
      lost(failure);
    });
    return worker;
  }
}
