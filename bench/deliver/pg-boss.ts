import { PgBoss } from 'pg-boss';
import { chunks, type Deliverer, type Handle } from './contender.js';

const [queue, batchSize, workers] = ['noop', 500, 2];

export async function pgBoss(url: string, handle: Handle): Promise<Deliverer> {
  const boss = new PgBoss({ connectionString: url, schema: 'bench_pgboss', max: 20, useListenNotify: true });
  boss.on('error', (error) => console.error('pg-boss', error));
  await boss.start();
  await boss.createQueue(queue, { notify: true, retryLimit: 5 });
  return {
    name: 'pg-boss 12',
    settings: `batches of ${batchSize}, ${workers} workers, LISTEN/NOTIFY, polling every 0.5 s, burst when a batch is full`,
    shareOneByOne: 0.4,
    async fill(numbers) {
      for (const some of chunks(numbers))
        await boss.insert(
          queue,
          some.map((number) => ({ data: { number } })),
        );
    },
    publish: async (number) => void (await boss.send(queue, { number })),
    async work() {
      await boss.work<{ number: number }>(
        queue,
        {
          batchSize,
          localConcurrency: workers,
          pollingIntervalSeconds: 0.5,
          notifyPollingIntervalSeconds: 0.5,
          burstWhenBatchFull: true,
        },
        async (jobs) => {
          for (const job of jobs) handle(job.data.number);
        },
      );
      // It does not tell when a batch is marked: the last ones are left out of the time, in its favour.
      return { idle: async () => {}, stop: () => boss.offWork(queue, { wait: true }) };
    },
    async unfinished() {
      const stats = await boss.getQueueStats(queue);
      return stats.reduce((sum, { queuedCount, activeCount }) => sum + queuedCount + activeCount, 0);
    },
    close: () => boss.stop({ graceful: false }),
  };
}
