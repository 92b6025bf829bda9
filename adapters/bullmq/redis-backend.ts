import { type ConnectionOptions, Queue, RedisConnection, Worker } from 'bullmq';
import { InvalidArgument } from '../../src/index.js';
import type { Backend } from './backend.js';
import { inTime } from './deadline.js';

/** An instance of ioredis, as far as it matters here. */
interface Instance {
  readonly isCluster?: boolean;
  readonly options?: { readonly keyPrefix?: string };
  duplicate(options?: object): Instance;
  disconnect(): void;
  on(event: 'error', listener: () => void): unknown;
}

const patience = 2_000;
const reconnect = { base: 50, longest: 1_000 };

/** @throws {InvalidArgument} */
export function redisBackend(connection: string | ConnectionOptions, prefix: string | undefined): Backend {
  const given = typeof connection === 'string' ? { url: connection } : connection;
  refuseKeyPrefix(given);
  const own = prefix === undefined ? {} : { prefix };
  const shared = isInstance(given) ? given : lasting(given);
  return {
    name: 'BullMQ on Redis',

    openQueue(name, options, ears) {
      const queue = new Queue(name, { ...options, ...own, connection: shared });
      queue.on('error', ears.error);
      return Object.assign(queue, { end: (force: boolean) => endQueue(queue, force) });
    },

    openWorker(name, { process, options }, ears) {
      const [place, disconnect] = apart(given);
      const worker = new Worker(name, process, { ...options, ...own, connection: place });
      worker.on('error', ears.error);
      return Object.assign(worker, { end: (force: boolean) => worker.close(force).finally(disconnect) });
    },

    async danger() {
      const redis = new RedisConnection(shared, { shared: isInstance(given), blocking: false });
      redis.on('error', () => {});
      try {
        const info = redis.client.then((client) => client.info());
        const policy = /^maxmemory_policy:(\S+)/m.exec(await inTime(patience, info))?.[1];
        return policy === undefined || policy === 'noeviction'
          ? undefined
          : `Redis may evict keys: its maxmemory-policy is ${policy}, and BullMQ loses jobs by it.`;
      } finally {
        await redis.close(true);
      }
    },
  };
}

/** A connection that has never been ready ends by being closed, one that has been by being cut. */
function endQueue(queue: Queue, force: boolean): Promise<unknown> {
  return force ? Promise.all([queue.close(), queue.disconnect()]) : queue.close();
}

/** Tries to reconnect for ever, and never long after the server is back. */
function lasting(options: object): ConnectionOptions {
  return { retryStrategy: pauseBefore, ...options, maxRetriesPerRequest: null };
}

function pauseBefore(times: number): number {
  return Math.min(reconnect.longest, reconnect.base * 2 ** times) * (0.5 + Math.random() / 2);
}

/** For blocking reads: a given instance is copied, and the copy closed in the end. */
function apart(given: object): readonly [ConnectionOptions, () => void] {
  if (!isInstance(given)) return [lasting(given), () => {}];
  if (given.isCluster === true) return [given, () => {}];
  const copy = given.duplicate({ maxRetriesPerRequest: null });
  copy.on('error', () => {});
  return [copy, () => copy.disconnect()];
}

function isInstance(given: object): given is Instance {
  return 'duplicate' in given && typeof given.duplicate === 'function';
}

function refuseKeyPrefix(given: object): void {
  const options = isInstance(given) ? given.options : (given as { readonly keyPrefix?: string });
  const keyPrefix = options?.keyPrefix;
  if (keyPrefix === undefined || keyPrefix === '') return;
  throw new InvalidArgument(
    'connection',
    'without `keyPrefix`, which BullMQ does not support',
    keyPrefix,
    'Say `prefix` in place of it.',
  );
}
