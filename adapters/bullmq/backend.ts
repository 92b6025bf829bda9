import type { Job, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq';

/** What of BullMQ's Queue is used: the same on both of its backends. */
export type JobQueue = Pick<
  Queue,
  'addBulk' | 'getJobState' | 'getJobScheduler' | 'upsertJobScheduler' | 'isPaused'
> &
  Connected;

export type JobWorker = Pick<Worker, 'pause'> & Connected;

export interface Connected {
  waitUntilReady(): Promise<unknown>;
  /** @param force Waits for no answer of the server. */
  end(force: boolean): Promise<unknown>;
}

export interface Ears {
  readonly error: (error: unknown) => void;
}

/** @param token Of BullMQ's lock on the job. */
export type Processor = (job: Job, token: string | undefined) => Promise<unknown>;

export interface WorkerParts {
  readonly process: Processor;
  readonly options: Omit<WorkerOptions, 'connection'>;
}

/** Where BullMQ keeps its jobs. */
export interface Backend {
  readonly name: string;
  openQueue(name: string, options: Omit<QueueOptions, 'connection'>, ears: Ears): JobQueue;
  openWorker(name: string, worker: WorkerParts, ears: Ears): JobWorker;
  /** What it may do with jobs that it should not; `undefined`: nothing. */
  danger(): Promise<string | undefined>;
}
