import type { QueueOptions } from 'bullmq';
import type { Backend, Connected, JobQueue } from './backend.js';
import { isConnectionError } from './connection-errors.js';
import { inTime } from './deadline.js';
import type { BullmqSettings } from './options.js';
import { SchedulerUnreachable } from './scheduler-unreachable.js';

export interface JobQueuesParts {
  readonly backend: Backend;
  readonly settings: BullmqSettings;
  /** The server is away. */
  readonly lost: (error: unknown) => void;
  /** Anything else that nobody waits for. */
  readonly complain: (error: unknown) => void;
}

const patience = 2_000;

/** BullMQ's queues, opened as they are needed. */
export class JobQueues {
  readonly #parts: JobQueuesParts;
  readonly #open = new Map<string, JobQueue>();
  #closed = false;

  constructor(parts: JobQueuesParts) {
    this.#parts = parts;
  }

  /** @throws {SchedulerUnreachable} They are closed. */
  of(name: string): JobQueue {
    if (this.#closed) throw new SchedulerUnreachable(new Error('The scheduler is closed.'));
    const queue = this.#open.get(name) ?? this.#openAnew(name);
    this.#open.set(name, queue);
    return queue;
  }

  async close(force: boolean): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#open.values(), (queue) => endInTime(queue, force)));
  }

  #openAnew(name: string): JobQueue {
    const { backend, settings, lost, complain } = this.#parts;
    const { streams, telemetry } = settings.queues[name] ?? {};
    const options: Omit<QueueOptions, 'connection'> = {
      ...(streams && { streams }),
      ...(telemetry && { telemetry }),
    };
    const error = (failure: unknown) => (isConnectionError(failure) ? lost : complain)(failure);
    const queue = backend.openQueue(name, options, { error });
    queue.waitUntilReady().catch((failure: unknown) => {
      // One that has never become ready never will.
      if (this.#open.get(name) === queue) this.#open.delete(name);
      void endInTime(queue, true);
      lost(failure);
    });
    return queue;
  }
}

/** Never rejects, and waits for the server a while only. */
export async function endInTime(connected: Connected, force: boolean): Promise<void> {
  await inTime(patience, connected.end(force)).catch(() => {});
}
