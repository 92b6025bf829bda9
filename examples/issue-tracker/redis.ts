import { Redis } from 'ioredis';

const patience = 5_000;

export class NoRedis extends Error {
  constructor(problem: string, remedy: string, cause?: unknown) {
    super(`${problem}\n  → ${remedy}`, { cause });
    this.name = 'NoRedis';
  }
}

/** Does `work` on a connection that gives up after 5 s instead of trying for ever. @throws {NoRedis} */
export async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new NoRedis(
      'REDIS_URL is no address of a Redis.',
      'Write redis://user:password@host:port, or unset it: then queued handlers run in this process.',
    );
  }
  const redis = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    connectTimeout: patience,
    commandTimeout: patience,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
  });
  let failure: unknown;
  redis.on('error', (error: unknown) => (failure ??= error));
  try {
    await redis.connect();
    const result = await work(redis);
    if (failure !== undefined) throw failure;
    return result;
  } catch (error) {
    throw new NoRedis(
      `REDIS_URL leads to no Redis: ${messageOf(failure ?? error)}`,
      'Correct it, or unset it: then queued handlers run in this process.',
      error,
    );
  } finally {
    redis.disconnect();
  }
}

/** Removes what was made under a prefix, wherever it is still there. */
export async function removeKeys(redis: Redis, prefix: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1_000 }) as AsyncIterable<
    string[]
  >) {
    if (keys.length > 0) await redis.unlink(...keys);
  }
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split('\n', 1)[0] ?? '';
}
