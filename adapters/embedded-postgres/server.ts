import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binaries } from './binaries.js';
import { environment } from './command.js';
import type { Place } from './data-directory.js';
import { freePort } from './free-port.js';
import type { Guard } from './guard.js';
import { PostgresStartFailed } from './postgres-start-failed.js';

export interface Installation {
  readonly place: Place;
  readonly binaries: Binaries;
  readonly guard: Guard;
}

export interface Server {
  readonly pid: number;
  readonly port: number;
  /** Sends the signal and waits until the server is gone, with SIGKILL after 20 seconds. */
  end(signal: 'SIGQUIT' | 'SIGINT' | 'SIGKILL'): Promise<void>;
}

const patience = { start: 60_000, obstacle: 20_000, end: 20_000 };
const passingObstacle = /Address already in use|pre-existing shared memory block/;

/** Starts on a free port, on another one when somebody else was faster. */
export async function startServer(installation: Installation): Promise<Server> {
  return pastObstacles(async () => startOn(installation, await freePort()));
}

/** Starts on the same port and data as before, once the processes of the earlier run are gone. */
export async function startServerAgain(installation: Installation, port: number): Promise<Server> {
  return pastObstacles(() => startOn(installation, port));
}

async function pastObstacles(start: () => Promise<Server>): Promise<Server> {
  const deadline = Date.now() + patience.obstacle;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      const passing = error instanceof PostgresStartFailed && passingObstacle.test(error.log);
      if (!passing || Date.now() > deadline) throw error;
      await delay(100);
    }
  }
}

async function startOn({ place, binaries, guard }: Installation, port: number): Promise<Server> {
  const log = openSync(join(place.home, 'server.log'), 'a+', 0o600);
  const { size } = fstatSync(log);
  const child = spawn(join(binaries.folder, 'postgres'), ['-D', place.data, '-p', String(port)], {
    ...place.account,
    cwd: place.home,
    env: environment(),
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const exited = once(child, 'exit')
    .then(forget, forget)
    .then(() => guard.watch(undefined));
  if (child.pid === undefined) {
    throw new PostgresStartFailed(`${binaries.folder}/postgres does not run`, 'See `binaries`.');
  }
  guard.watch(child.pid);
  child.unref();

  const server: Server = {
    pid: child.pid,
    port,
    async end(signal) {
      child.kill(signal);
      if (await settlesWithin(patience.end, exited)) return;
      child.kill('SIGKILL');
      await settlesWithin(patience.end, exited);
    },
  };
  const problem = await untilReady(child.pid, place, exited);
  if (problem === undefined) return server;
  await server.end('SIGKILL');
  throw new PostgresStartFailed(
    problem,
    'Read its log above; mend `settings` or `binaries`.',
    (await readFile(join(place.home, 'server.log'))).subarray(size).toString(),
  );
}

/** Looks where `pg_ctl` looks: the server writes its state into its lock file. */
async function untilReady(pid: number, { data }: Place, exited: Promise<void>): Promise<string | undefined> {
  const deadline = Date.now() + patience.start;
  while (Date.now() < deadline) {
    const lines = await readFile(join(data, 'postmaster.pid'), 'utf8').then(
      (text) => text.split('\n'),
      forget,
    );
    if (lines?.[0] === String(pid) && lines[7]?.trim() === 'ready') return undefined;
    if (await settlesWithin(10, exited)) return 'it ended before it was ready';
  }
  return `it was not ready after ${patience.start / 1000} seconds`;
}

/** The clock keeps Node alive meanwhile; the server itself does not. */
async function settlesWithin(milliseconds: number, promise: Promise<void>): Promise<boolean> {
  const clock = new AbortController();
  try {
    return await Promise.race([
      promise.then(() => true),
      delay(milliseconds, false, { signal: clock.signal }),
    ]);
  } finally {
    clock.abort();
  }
}

function forget(): undefined {}
