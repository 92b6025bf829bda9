import { describe, expect, it } from '@jest/globals';
import { startOwnPostgres } from '../support/postgres.js';
import { describeWithRedis, startOwnRedis } from '../support/redis.js';
import { chaos } from './chaos.js';
import { faultsWith } from './faults.js';
import type { OwnRedis } from '../support/redis-server.js';

const seed = Date.now() % 1_000_000;

async function survive(redis: OwnRedis | undefined): Promise<void> {
  const faults = faultsWith(redis);
  const { tally, violations } = await chaos({
    server: await startOwnPostgres({ settings: { max_connections: '200' } }),
    redis,
    longestOutage: 2_000,
    seed,
    publishers: 2,
    workers: 2,
    milliseconds: 0,
    mostFaults: faults.length,
  });
  const counts = tally.all.map(([name, count]) => `${name}: ${count}`);
  process.stdout.write(`Chaos with seed ${seed}. ${counts.join(', ')}.\n`);
  expect(violations).toEqual([]);
  expect(tally.of('events')).toBeGreaterThan(20);
  for (const { name } of faults) expect({ name, times: tally.of(name) }).toEqual({ name, times: 1 });
}

// Seen failing without heeding that a completion mark found its lease gone: effects on the database happen twice.
// Seen failing with the pool place of a failed BEGIN kept: a publisher does not stop, and no connection is left to it.
// H6–H12; the long form is `npm run chaos`
describe('publishers and workers struck by faults at random', () => {
  it('lose nothing, do nothing twice, and leave nothing stuck', () => survive(undefined), 180_000);
});

// H9
describeWithRedis()('publishers and workers struck by faults at random, over Redis', () => {
  it('lose nothing with it, do nothing twice, and leave nothing stuck', async () => {
    await survive(await startOwnRedis());
  }, 180_000);
});
