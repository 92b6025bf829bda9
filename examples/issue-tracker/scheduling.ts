import { randomBytes } from 'node:crypto';
import type { Scheduler } from 'handover';
import { bullmqScheduler } from 'handover/bullmq';
import { removeKeys, withRedis } from './redis.js';

/** A BullMQ of this run's own. */
export interface Queue {
  readonly url: string;
  readonly prefix: string;
}

/** What wakes the queued handlers. PostgreSQL holds the truth of their deliveries in either case. */
export interface Scheduling {
  /** For people: what is used. */
  readonly description: string;
  /** Left out, the store's own: in this process. */
  readonly scheduler?: Scheduler;
  /** For the processes of releases, each of which makes its own scheduler; left out as well. */
  readonly queue?: Queue;
  /** Removes everything that was made. May be called again. */
  remove(): Promise<void>;
}

export const inProcess: Scheduling = {
  description: 'in this process',
  remove: () => Promise.resolve(),
};

/**
 * BullMQ on the user's Redis, under a prefix of this run's own. A Redis that does not answer is reported here, and not
 * worked around: the store would wait for it in the background for as long as it takes.
 *
 * @throws {NoRedis}
 */
export async function schedulingOn(url: string): Promise<Scheduling> {
  const prefix = `handover_example_${randomBytes(4).toString('hex')}`;
  await withRedis(url, (redis) => redis.ping());
  return {
    description: `through BullMQ, on the Redis at ${new URL(url).host}`,
    scheduler: bullmqScheduler({ connection: url, prefix }),
    queue: { url, prefix: `${prefix}:releases` },
    remove: () => withRedis(url, (redis) => removeKeys(redis, prefix)),
  };
}
