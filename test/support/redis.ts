import { afterAll, describe } from '@jest/globals';
import { redisServer, startRedis, type OwnRedis, type RedisOptions } from './redis-server.js';

export type { OwnRedis, RedisOptions } from './redis-server.js';

const servers = new Set<OwnRedis>();

/** `describe` for tests that need a Redis; skips them with a printed reason where none is installed. */
export function describeWithRedis(): typeof describe | typeof describe.skip {
  if (redisServer() !== undefined) return describe;
  process.stderr.write('Not tested over Redis: neither redis-server nor valkey-server is on the PATH.\n');
  return describe.skip;
}

/** It goes with the test file at the latest. */
export async function startOwnRedis(options: RedisOptions = {}): Promise<OwnRedis> {
  const redis = await startRedis(options);
  servers.add(redis);
  return redis;
}

afterAll(async () => {
  await Promise.all([...servers].map((redis) => redis[Symbol.asyncDispose]()));
});
