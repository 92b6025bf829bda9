/**
 * Handlers that do nothing, beside BullMQ, pg-boss and graphile-worker, on one PostgreSQL and one Redis in one run.
 * Jobs that lie there are stored to the end before the clock runs: with us, deliveries included.
 * Run it with `npm run bench:deliver`.
 */
import { bullmqScheduler } from 'handover/bullmq';
import { bullmq } from './deliver/bullmq.js';
import type { Deliverer, Handle } from './deliver/contender.js';
import { graphileWorker } from './deliver/graphile-worker.js';
import { handover } from './deliver/handover.js';
import { Jobs } from './deliver/jobs.js';
import { pgBoss } from './deliver/pg-boss.js';
import { draining, latencies, publishing, type Participant } from './deliver/workloads.js';
import { benchRedis } from './redis.js';
import { printTable, takeTurns, type Measurement } from './rounds.js';
import { benchServer } from './server.js';

const aims = { bulk: 1.5, perSecond: 2_000, inProcess: 5, throughRedis: 8 };
const names = {
  inProcess: 'handover in process',
  database: 'handover, own transaction each',
  throughRedis: 'handover through BullMQ on Redis',
};
const publishers = 64;

const server = await benchServer();
const redis = await benchRedis();

async function participant(make: (handle: Handle) => Promise<Deliverer>): Promise<Participant> {
  const jobs = new Jobs();
  return { jobs, deliverer: await make((number) => jobs.handle(number)) };
}

async function participants(): Promise<readonly Participant[]> {
  if (redis === undefined) console.log('No redis-server is installed: nothing that needs Redis is measured.');
  const external = { effects: 'external', concurrency: 1_000 } as const;
  const plans = [
    { ...external, name: names.inProcess, schema: 'bench_external' },
    {
      name: names.database,
      schema: 'bench_database',
      effects: 'database',
      concurrency: 16,
      share: 0.2,
    } as const,
    ...(redis === undefined
      ? []
      : [
          {
            ...external,
            name: names.throughRedis,
            schema: 'bench_bullmq',
            scheduler: bullmqScheduler({ connection: `redis://127.0.0.1:${redis.port}` }),
            prepare: () => redis.fsync('everysec'),
          },
        ]),
  ];
  const makers: ((handle: Handle) => Promise<Deliverer>)[] = [
    ...(redis === undefined ? [] : [(handle: Handle) => bullmq(redis, 'everysec', handle)]),
    ...(redis === undefined ? [] : [(handle: Handle) => bullmq(redis, 'always', handle)]),
    ...plans.map((plan) => (handle: Handle) => handover(server.url, plan, handle)),
    (handle) => pgBoss(server.url, handle),
    (handle) => graphileWorker(server.url, handle),
  ];
  const made: Participant[] = [];
  for (const make of makers) made.push(await participant(make));
  return made;
}

const isOurs = ({ deliverer }: Participant) => deliverer.name === names.inProcess;
const verdict = (holds: boolean) => (holds ? 'met' : 'missed');

async function printLatencies(all: readonly Participant[]): Promise<void> {
  const samples = new Map(all.map((each) => [each, [] as number[]]));
  for (let round = 0; round < 5; round += 1) {
    for (const each of all) samples.get(each)?.push(...(await latencies(each, 60)));
  }
  console.log('\npublish to the start of the handler, one at a time, in milliseconds: p50, p95, p99');
  const width = Math.max(...all.map(({ deliverer }) => deliverer.name.length));
  for (const [{ deliverer }, taken] of samples) {
    const sorted = taken.toSorted((a, b) => a - b);
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
    const shown = [0.5, 0.95, 0.99].map((part) => at(part).toFixed(2).padStart(9));
    const limits = new Map([
      [names.inProcess, aims.inProcess],
      [names.throughRedis, aims.throughRedis],
    ]);
    const limit = limits.get(deliverer.name);
    const told = limit === undefined ? '' : `; the aim, p50 ≤ ${limit}, is ${verdict(at(0.5) <= limit)}`;
    console.log(`  ${deliverer.name.padEnd(width)} ${shown.join(' ')}${told}`);
  }
}

function printRate(measurements: readonly Measurement[]): void {
  const rate = measurements.find(({ name }) => name === names.inProcess)?.operationsPerSecond ?? 0;
  console.log(`  the aim of ${aims.perSecond}/s ${names.inProcess} is ${verdict(rate >= aims.perSecond)}`);
}

async function printOutcomes(all: readonly Participant[]): Promise<void> {
  console.log('\nwhat became of the jobs');
  for (const { deliverer, jobs } of all) {
    const unfinished = await deliverer.unfinished();
    console.log(
      `  ${deliverer.name}: ${jobs.stored} stored, ${jobs.lost} never handled, ${jobs.repeated} handled twice, ` +
        `${unfinished} not marked as completed`,
    );
  }
}

const all: Participant[] = [];
try {
  all.push(...(await participants()));
  console.log(
    `${server.description}; Redis ${redis?.version ?? '-'}, appendonly; Node ${process.versions.node}`,
  );
  for (const { deliverer } of all) console.log(`  ${deliverer.name}: ${deliverer.settings}`);
  const many = { rounds: 5, timesPerRound: 10_000 };
  const plan = { rounds: 5, timesPerRound: 3_000 };
  const drained = all.map((each) => draining(each, isOurs(each) ? aims.bulk : undefined));
  printTable('bulk: the jobs lie there', await takeTurns(drained, many));
  const measured = await takeTurns(
    all.map((each) => publishing(each, publishers)),
    plan,
  );
  printTable(`${publishers} publishers in flight, and a worker`, measured);
  printRate(measured);
  await printLatencies(all);
  await printOutcomes(all);
} finally {
  for (const { deliverer } of all) await deliverer.close();
  await redis?.stop();
  await server.stop();
}
