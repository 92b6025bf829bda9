import { Queue, Worker } from 'bullmq';
import type { BenchRedis, Fsync } from '../redis.js';
import { chunks, type Deliverer, type Handle } from './contender.js';
import { Tally } from './tally.js';

const concurrency = 200;

export async function bullmq(redis: BenchRedis, fsync: Fsync, handle: Handle): Promise<Deliverer> {
  const queueName = `noop-${fsync}`;
  const connection = { port: redis.port, host: '127.0.0.1', maxRetriesPerRequest: null };
  const queue = new Queue<number>(queueName, {
    connection,
    defaultJobOptions: { removeOnComplete: true, attempts: 5 },
  });
  await queue.waitUntilReady();
  return {
    name: `BullMQ on Redis, fsync ${fsync}`,
    settings: `concurrency ${concurrency}, removeOnComplete, attempts 5, addBulk for bulk`,
    prepare: () => redis.fsync(fsync),
    async fill(numbers) {
      for (const some of chunks(numbers))
        await queue.addBulk(some.map((number) => ({ name: 'noop', data: number })));
    },
    publish: async (number) => void (await queue.add('noop', number)),
    async work() {
      const tally = new Tally();
      const worker = new Worker<number>(
        queueName,
        async (job) => {
          tally.begin();
          handle(job.data);
        },
        { connection, concurrency },
      );
      worker.on('error', (error) => console.error(queueName, error));
      worker.on('completed', () => tally.complete());
      await worker.waitUntilReady();
      return { idle: () => tally.caughtUp(), stop: () => worker.close() };
    },
    async unfinished() {
      const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'failed', 'prioritized');
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    close: () => queue.close(),
  };
}
