import { EventEmitter } from 'node:events';
import { Logger, makeWorkerUtils, run, type WorkerEvents } from 'graphile-worker';
import { Client } from 'pg';
import { chunks, type Deliverer, type Handle } from './contender.js';
import { Tally } from './tally.js';

const [concurrentJobs, localQueueSize, schema] = [100, 500, 'bench_graphile'];

export async function graphileWorker(url: string, handle: Handle): Promise<Deliverer> {
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ connectionString: url, schema, logger, maxPoolSize: 20 });
  await utils.migrate();
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    name: 'graphile-worker 0.18',
    settings: `${concurrentJobs} jobs at once, local queue of ${localQueueSize}, completions batched (delay 0)`,
    shareOneByOne: 0.4,
    async fill(numbers) {
      for (const some of chunks(numbers))
        await utils.addJobs(some.map((number) => ({ identifier: 'noop', payload: { number } })));
    },
    publish: async (number) => void (await utils.addJob('noop', { number })),
    async work() {
      const events: WorkerEvents = new EventEmitter();
      const tally = new Tally();
      events.on('job:complete', () => tally.complete());
      const runner = await run({
        preset: {
          worker: {
            connectionString: url,
            schema,
            logger,
            concurrentJobs,
            maxPoolSize: 20,
            pollInterval: 1_000,
            localQueue: { size: localQueueSize },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
          },
        },
        events,
        noHandleSignals: true,
        taskList: {
          noop: (payload) => {
            tally.begin();
            handle((payload as { number: number }).number);
          },
        },
      });
      return { idle: () => tally.caughtUp(), stop: () => runner.stop() };
    },
    async unfinished() {
      const { rows } = await client.query<{ open: number }>(
        `select count(*)::int as open from ${schema}.jobs`,
      );
      return rows[0]?.open ?? Number.NaN;
    },
    async close() {
      await utils.release();
      await client.end();
    },
  };
}
