import { randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { Client } from 'pg';
import { findSystemBinaries, startPostgres } from '../../adapters/embedded-postgres/index.js';
import type { EmbeddedPostgres, PostgresOptions } from '../../adapters/embedded-postgres/index.js';

/** A server that all tests of a run share. It starts when the first of them asks. */
export interface TestServer {
  /** For titles: `PostgreSQL 18.4`. */
  readonly name: string;
  url(): Promise<string>;
}

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** Cuts off whoever is still connected. May be called again. */
  drop(): Promise<void>;
}

export interface DatabaseOptions {
  readonly server?: TestServer | EmbeddedPostgres;
  /** The database to copy, to which nobody may be connected; an empty one when left out. */
  readonly template?: string;
}

const oldestSupported = 15;

export const embeddedPostgres: TestServer = { name: 'PostgreSQL 18', url: sharedServer('embedded') };

/**
 * The PostgreSQL of this machine, an older one than ours on purpose.
 * Print `reason` when there is no `server`, so that nobody believes its tests have run.
 */
export function systemPostgres(): { readonly server: TestServer | undefined; readonly reason: string } {
  const folder = findSystemBinaries();
  if (folder === undefined)
    return { server: undefined, reason: 'no PostgreSQL is installed on this machine' };
  const version = versionOf(folder);
  if (Number.parseInt(version, 10) < oldestSupported) {
    return { server: undefined, reason: `PostgreSQL ${version} of this machine is not supported any more` };
  }
  return { server: { name: `PostgreSQL ${version}`, url: sharedServer('system') }, reason: '' };
}

/** Our PostgreSQL and, where there is one, the system's: for `describe.each`. Prints what is missing. */
export function allPostgresServers(): TestServer[] {
  const system = systemPostgres();
  if (system.server !== undefined) return [embeddedPostgres, system.server];
  process.stderr.write(`Not tested over a second PostgreSQL: ${system.reason}.\n`);
  return [embeddedPostgres];
}

/** A database of one's own, in some 50 milliseconds. It goes with the server at the latest. */
export async function createDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const { server = embeddedPostgres, template = 'template1' } = options;
  const serverUrl = typeof server.url === 'string' ? server.url : await server.url();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await execute(serverUrl, `create database ${name} template ${template} strategy file_copy`);
  const drop = () => execute(serverUrl, `drop database if exists ${name} with (force)`);
  return { url: urlOf(serverUrl, name), name, drop, [Symbol.asyncDispose]: drop };
}

const own: EmbeddedPostgres[] = [];

/** A server for tests that kill or restart it. It is stopped after the test file at the latest. */
export async function startOwnPostgres(options: PostgresOptions = {}): Promise<EmbeddedPostgres> {
  const server = await startPostgres(options);
  own.push(server);
  return server;
}

afterAll(async () => {
  await Promise.all(own.splice(0).map((server) => server.stop()));
});

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

function sharedServer(name: string): () => Promise<string> {
  return async () => {
    const service = process.env['HANDOVER_TEST_POSTGRES'];
    if (service === undefined) throw new Error('No shared PostgreSQL here. → Run the tests with `npm test`.');
    const response = await fetch(`${service}/${name}`, { signal: AbortSignal.timeout(90_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text;
  };
}

function versionOf(folder: string): string {
  const line = execFileSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
  return /\d+(\.\d+)*/.exec(line)?.[0] ?? '0';
}
