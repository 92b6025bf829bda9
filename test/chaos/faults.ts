import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { EmbeddedPostgres } from '../../adapters/embedded-postgres/index.js';
import type { Random } from '../../src/testing/contracts/seeded-random.js';
import type { OwnRedis } from '../support/redis-server.js';
import type { Crew, Role } from './crew.js';
import { pace } from './pace.js';

export interface Scene {
  readonly crew: Crew;
  readonly random: Random;
  readonly server: EmbeddedPostgres;
  readonly redis: OwnRedis | undefined;
  /** Milliseconds that Redis stays away at most. */
  readonly longestOutage: number;
}

/** Something that goes wrong, and is over when the promise resolves. */
export interface Fault {
  readonly name: string;
  strike(scene: Scene): Promise<void>;
}

const always: readonly Fault[] = [
  { name: 'worker killed', strike: (scene) => killOne(scene, 'worker') },
  { name: 'publisher killed', strike: (scene) => killOne(scene, 'publisher') },
  { name: 'all workers killed', strike: killWorkers },
  { name: 'worker stopped and replaced', strike: replaceWorker },
  { name: 'worker frozen beyond its leases', strike: freezeWorker },
  { name: 'every backend terminated', strike: terminateBackends },
  { name: 'PostgreSQL restarted at once', strike: ({ server }) => server.restart('immediate') },
  { name: 'PostgreSQL killed', strike: killPostgres },
];

const onRedis: readonly Fault[] = [
  { name: 'Redis flushed', strike: flushRedis },
  { name: 'Redis away', strike: killRedis },
];

export function faultsWith(redis: OwnRedis | undefined): readonly Fault[] {
  return redis === undefined ? always : [...always, ...onRedis];
}

async function killOne({ crew, random }: Scene, role: Role): Promise<void> {
  await crew.kill(random.pick(crew.of(role)));
  crew.hire(role);
}

async function killWorkers({ crew }: Scene): Promise<void> {
  const workers = crew.of('worker');
  await Promise.all(workers.map((worker) => crew.kill(worker)));
  for (const _ of workers) crew.hire('worker');
}

async function replaceWorker({ crew, random }: Scene): Promise<void> {
  const worker = random.pick(crew.of('worker'));
  crew.hire('worker');
  await worker.ready;
  await crew.dismiss(worker);
}

/** It comes back believing that it still holds what others have taken over. */
async function freezeWorker({ crew, random }: Scene): Promise<void> {
  const { program } = random.pick(crew.of('worker'));
  program.kill('SIGSTOP');
  await pace(crew.leaseFor * 1.5);
  program.kill('SIGCONT');
}

async function terminateBackends({ server }: Scene): Promise<void> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and client_port is not null',
  );
  await client.end();
}

async function killPostgres({ server, random }: Scene): Promise<void> {
  await server.kill();
  await pace(random.below(1_000));
  await server.restart('fast');
}

async function flushRedis({ redis }: Scene): Promise<void> {
  if (redis === undefined) return;
  const client = new Redis(redis.url);
  await client.flushall();
  client.disconnect();
}

async function killRedis({ redis, random, longestOutage }: Scene): Promise<void> {
  await redis?.kill();
  await pace(random.below(longestOutage));
  await redis?.start();
}
