import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface RedisOptions {
  /** Further settings of the server, such as `{ 'maxmemory-policy': 'allkeys-lru' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: start it at once. The port is known in either case. */
  readonly stopped?: boolean;
}

/** A Redis of one's own. It keeps nothing on disk. */
export interface OwnRedis extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Resolves when it takes connections: the first time, or again after `kill`. It has lost all it knew. */
  start(): Promise<void>;
  /** By SIGKILL, unless told another way. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** It keeps its connections and answers nobody. */
  pause(): void;
  resume(): void;
}

const patience = 10_000;

/** `undefined` where there is none: say so. */
export function redisServer(): string | undefined {
  return ['redis-server', 'valkey-server'].find(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
}

export async function startRedis({ settings = {}, stopped = false }: RedisOptions = {}): Promise<OwnRedis> {
  const binary = redisServer();
  if (binary === undefined) throw new Error('There is no redis-server on the PATH. → Install one.');
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'handover-redis-'));
  const flags = Object.entries({ save: '', appendonly: 'no', dir: folder, ...settings }).flatMap(
    ([name, value]) => [`--${name}`, value],
  );
  let child: ChildProcess | undefined;

  const redis: OwnRedis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    async start() {
      if (child !== undefined) return;
      const started = spawn(binary, ['--port', String(port), '--bind', '127.0.0.1', ...flags], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      child = started;
      await untilReady(started);
    },
    async kill(signal = 'SIGKILL') {
      const dying = child;
      child = undefined;
      if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
      const exit = once(dying, 'exit');
      dying.kill(signal);
      await exit;
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await redis.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  if (!stopped) await redis.start();
  return redis;
}

async function untilReady(child: ChildProcess): Promise<void> {
  const ready = Promise.withResolvers<void>();
  const written: string[] = [];
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  lines.on('line', (line) => {
    written.push(line);
    if (/ready to accept connections/i.test(line)) ready.resolve();
  });
  child.once('exit', () => ready.reject(new Error(`Redis ended:\n${written.join('\n')}`)));
  const late = AbortSignal.timeout(patience);
  late.addEventListener('abort', () =>
    ready.reject(new Error(`Redis did not start:\n${written.join('\n')}`)),
  );
  await ready.promise;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
