import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

export type Fsync = 'everysec' | 'always';

export interface BenchRedis {
  readonly port: number;
  readonly version: string;
  /** When the append-only file reaches the disk. */
  fsync(policy: Fsync): Promise<void>;
  stop(): Promise<void>;
}

const binaries = ['redis-server', 'valkey-server'];
const patience = 10_000;

/** A server of its own on a free port, its data on disk; `undefined` where none is installed. */
export async function benchRedis(): Promise<BenchRedis | undefined> {
  const binary = binaries.find((name) => spawnSync(name, ['--version']).status === 0);
  if (binary === undefined) return undefined;
  const [folder, port] = [await mkdtemp(join(tmpdir(), 'handover-redis-')), await freePort()];
  const settings = { port, bind: '127.0.0.1', dir: folder, appendonly: 'yes', save: '' };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn(binary, [...flags, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' });
  const client = new Redis(port, { lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => {});
  await Promise.race([client.connect().catch(() => once(client, 'ready')), tooLate()]);
  return {
    port,
    version: /redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? 'unknown',
    fsync: async (policy) => void (await client.config('SET', 'appendfsync', policy)),
    async stop() {
      client.disconnect();
      const exited = once(server, 'exit');
      server.kill();
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function tooLate(): Promise<never> {
  await delay(patience, undefined, { ref: false });
  throw new Error('Redis did not answer.');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
