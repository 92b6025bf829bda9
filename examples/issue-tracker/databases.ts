import { randomBytes } from 'node:crypto';
import { Client, DatabaseError } from 'pg';
import { startPostgres } from '../../adapters/embedded-postgres/index.js';

/** Where one run keeps its tables. */
export interface Place {
  readonly url: string;
  /** The schema of the application's tables; the database's default when left out. */
  readonly schema?: string;
  /** The schema of the event store; its own default when left out. */
  readonly eventSchema?: string;
}

/** A place for each of the runs: the old bus, the bus on the store, and the pairs. */
export interface Databases {
  /** For people: what is used. */
  readonly description: string;
  readonly before: Place;
  readonly after: Place;
  readonly pairs: Place;
  /** Removes everything that was made. May be called again. */
  remove(): Promise<void>;
}

export class NoDatabase extends Error {
  constructor(problem: string, remedy: string, cause: unknown) {
    super(`${problem}\n  → ${remedy}`, { cause });
    this.name = 'NoDatabase';
  }
}

/** A PostgreSQL of our own, which ends with this process at the latest. */
export async function embeddedDatabases(): Promise<Databases> {
  const server = await startPostgres();
  const { before, after, pairs } = await threeDatabases(server.url, 'issue_tracker');
  const description = `embedded PostgreSQL ${server.version} on port ${server.port}`;
  return { description, before, after, pairs, remove: () => server.stop() };
}

/**
 * Throw-away databases on the user's server or, where its role may not create any, throw-away schemas in the
 * database given. Nothing that exists is touched.
 *
 * @throws {NoDatabase}
 */
export async function databasesOn(url: string): Promise<Databases> {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    const problem = 'DATABASE_URL is no address of a PostgreSQL.';
    throw new NoDatabase(
      problem,
      'Write postgres://user:password@host:port/database, or unset it.',
      undefined,
    );
  }
  const name = `handover_example_${randomBytes(4).toString('hex')}`;
  try {
    return await threeDatabases(url, name);
  } catch (error) {
    if (!isRefusal(error)) {
      throw new NoDatabase(
        `DATABASE_URL leads to no PostgreSQL: ${messageOf(error)}`,
        'Correct it, or unset it: then the example starts a PostgreSQL of its own.',
        error,
      );
    }
  }
  try {
    return await fiveSchemas(url, name);
  } catch (error) {
    throw new NoDatabase(
      `The role of DATABASE_URL may create neither a database nor a schema: ${messageOf(error)}`,
      'Grant it `create` on the database, or unset DATABASE_URL: then the example starts a PostgreSQL of its own.',
      error,
    );
  }
}

async function threeDatabases(url: string, name: string): Promise<Databases> {
  const [before, after, pairs] = [`${name}_before`, `${name}_after`, `${name}_pairs`];
  const all = [before, after, pairs];
  const remove = () => execute(url, ...all.map((each) => `drop database if exists ${each} with (force)`));
  await execute(url, ...all.map((each) => `create database ${each}`));
  return {
    description: `throw-away databases ${before}, _after and _pairs at ${new URL(url).host}`,
    before: { url: urlOf(url, before) },
    after: { url: urlOf(url, after) },
    pairs: { url: urlOf(url, pairs) },
    remove,
  };
}

async function fiveSchemas(url: string, name: string): Promise<Databases> {
  const [before, after, pairs] = [`${name}_before`, `${name}_after`, `${name}_pairs`];
  const [events, pairEvents] = [`${name}_events`, `${name}_pair_events`];
  await execute(url, ...[before, after, pairs].map((each) => `create schema ${each}`));
  return {
    description: `throw-away schemas ${before}, _after, _pairs, _events and _pair_events at ${new URL(url).host}`,
    before: { url, schema: before },
    after: { url, schema: after, eventSchema: events },
    pairs: { url, schema: pairs, eventSchema: pairEvents },
    remove: () =>
      execute(url, `drop schema if exists ${[before, after, pairs, events, pairEvents].join(', ')} cascade`),
  };
}

async function execute(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** SQLSTATE 42501: the role may not do that. */
function isRefusal(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '42501';
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
