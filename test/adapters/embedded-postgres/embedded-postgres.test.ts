import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { HandoverError } from '../../../src/index.js';
import { PostgresStartFailed, startPostgres } from '../../../adapters/embedded-postgres/index.js';
import type { EmbeddedPostgres } from '../../../adapters/embedded-postgres/index.js';
import { allPostgresServers, createDatabase, startOwnPostgres } from '../../support/postgres.js';
import { runInProcess } from '../../support/processes.js';

describe('an embedded PostgreSQL', () => {
  let postgres: EmbeddedPostgres;
  beforeAll(async () => {
    postgres = await startOwnPostgres();
  });

  it('answers with the version it claims', async () => {
    const [row] = await query(postgres.url, 'select version()');
    expect(row?.['version']).toContain(`PostgreSQL ${postgres.version} `);
    expect(postgres.version).toMatch(/^18\./);
  });

  it('takes settings', async () => {
    await using other = await startPostgres({ settings: { max_connections: '7', application_name: "it's" } });
    expect(await query(other.url, "select current_setting('max_connections') as value")).toEqual([
      { value: '7' },
    ]);
  });

  it('runs beside another one', async () => {
    await using other = await startPostgres();
    await query(other.url, 'create table only_there (id int)');
    expect(other.port).not.toBe(postgres.port);
    expect(other.dataDirectory).not.toBe(postgres.dataDirectory);
    await expect(query(postgres.url, 'table only_there')).rejects.toThrow(/does not exist/);
  });

  it.each(['immediate', 'fast'] as const)(
    'keeps committed rows and nothing else over an %s restart',
    async (mode) => {
      const [port, pid] = [postgres.port, postgres.pid];
      await query(postgres.url, `create table kept_${mode} (id int)`);
      const open = await connected(postgres.url);
      await open.query('begin');
      await open.query(`insert into kept_${mode} values (1)`);
      await query(postgres.url, `insert into kept_${mode} values (2)`);

      await postgres.restart(mode);

      expect(await query(postgres.url, `table kept_${mode}`)).toEqual([{ id: 2 }]);
      await expect(open.query('commit')).rejects.toThrow();
      expect(postgres.port).toBe(port);
      expect(postgres.pid).not.toBe(pid);
    },
  );

  it('comes back with its committed rows after it was killed under load', async () => {
    await query(postgres.url, 'create table survivors (id int)');
    const clients = await Promise.all(Array.from({ length: 8 }, () => connected(postgres.url)));
    const confirmed: number[] = [];
    const writing = clients.map(async (client, index) => {
      for (let id = index; ; id += clients.length) {
        await client.query('insert into survivors values ($1)', [id]);
        confirmed.push(id);
      }
    });
    await query(postgres.url, 'select pg_sleep(0.2)');

    await postgres.kill();
    await Promise.allSettled(writing);
    await expect(query(postgres.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);
    await postgres.restart('fast');

    const rows = await query(postgres.url, 'table survivors');
    const stored = new Set(rows.map((row) => row['id']));
    expect(confirmed.length).toBeGreaterThan(8);
    expect(confirmed.filter((id) => !stored.has(id))).toEqual([]);
  });

  it('removes its process and its data when stopped, and stays stopped', async () => {
    const other = await startPostgres();
    const { pid } = other;
    await Promise.all([other.stop(), other.stop()]);
    await other.stop();
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    expect(existsSync(dirname(other.dataDirectory))).toBe(false);
    await expect(query(other.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);
    await expect(other.restart('fast')).rejects.toThrow(PostgresStartFailed);
  });

  it('waits for the disk when asked to, in the folder it is given', async () => {
    const directory = await sharedFolder();
    await using other = await startPostgres({ durability: 'full', directory });
    expect(other.dataDirectory.startsWith(`${directory}/`)).toBe(true);
    const names = ['fsync', 'full_page_writes', 'synchronous_commit'];
    const rows = await query(
      other.url,
      `select setting from pg_settings where name in (${names.map((name) => `'${name}'`).join()})`,
    );
    expect(rows).toEqual([{ setting: 'on' }, { setting: 'on' }, { setting: 'on' }]);
    await other.stop();
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });
});

describe('the owner of an embedded PostgreSQL', () => {
  it.each([
    ['is killed', (owner: Owner) => owner.kill('SIGKILL'), { signal: 'SIGKILL' }],
    ['is interrupted', (owner: Owner) => owner.kill('SIGINT'), { signal: 'SIGINT' }],
    ['is terminated', (owner: Owner) => owner.kill('SIGTERM'), { signal: 'SIGTERM' }],
    ['throws', (owner: Owner) => owner.send('throw'), { code: 1 }],
    ['has nothing left to do', (owner: Owner) => owner.send('leave'), { code: 0 }],
  ])('takes it along when it %s', async (_how, end, how) => {
    await using owner = runInProcess(new URL('./server-owner.ts', import.meta.url));
    const { url, dataDirectory }: ServerFacts = JSON.parse(await owner.nextLine());
    const client = await connected(url);
    const cutOff = ended(client);
    const removal = removed(dirname(dataDirectory));

    end(owner);

    expect(await owner.exited()).toMatchObject(how);
    await cutOff;
    await removal;
    await expect(query(url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('a PostgreSQL that cannot start', () => {
  it('shows the end of the server’s log and leaves nothing behind', async () => {
    const directory = await sharedFolder();
    const error = await failure(startPostgres({ directory, settings: { shared_buffers: 'plenty' } }));
    expect(error).toBeInstanceOf(HandoverError);
    expect(error).toMatchObject({ code: 'postgres_start_failed' });
    expect(error.message).toMatch(/invalid value for parameter "shared_buffers": "plenty"[^]*→ .*settings/);
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });

  it('names the folder whose binaries do not run', async () => {
    const error = await failure(startPostgres({ binaries: '/nowhere/bin' }));
    expect(error.message).toMatch(/\/nowhere\/bin[^]*ENOENT[^]*→ .*`binaries`/);
  });
});

describe.each(allPostgresServers())('a test database on $name', (server) => {
  it('is on the server it says', async () => {
    await using database = await createDatabase({ server });
    const [row] = await query(database.url, 'select version(), current_database() as name');
    expect(row?.['version']).toContain(server.name);
    expect(row?.['name']).toBe(database.name);
  });

  it('knows nothing of another one', async () => {
    const [one, other] = await Promise.all([createDatabase({ server }), createDatabase({ server })]);
    await query(one.url, 'create table mine (id int)');
    await expect(query(other.url, 'table mine')).rejects.toThrow(/does not exist/);
    await Promise.all([one.drop(), other.drop()]);
  });

  it('copies a template', async () => {
    await using template = await createDatabase({ server });
    await query(template.url, 'create table copied as select 42 as id');
    await using copy = await createDatabase({ server, template: template.name });
    expect(await query(copy.url, 'table copied')).toEqual([{ id: 42 }]);
  });

  it('is gone once dropped, whoever is connected', async () => {
    const database = await createDatabase({ server });
    const client = await connected(database.url);
    const cutOff = ended(client);
    await database.drop();
    await database.drop();
    await cutOff;
    await expect(query(database.url, 'select 1')).rejects.toThrow(/does not exist/);
  });
});

type Owner = ReturnType<typeof runInProcess>;

interface ServerFacts {
  readonly url: string;
  readonly dataDirectory: string;
}

const clients: Client[] = [];

afterAll(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
});

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  clients.push(client);
  return client;
}

/** Settles when the connection is gone, also by an error. */
async function ended(client: Client): Promise<void> {
  return new Promise((resolve) => client.once('end', resolve));
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function failure(promise: Promise<unknown>): Promise<PostgresStartFailed> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PostgresStartFailed) return error;
  throw new Error('It did not fail as expected.', { cause: error });
}

/** Also the server's user may enter it. */
async function sharedFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'given-'));
  await chmod(folder, 0o777);
  return folder;
}

/** Settles when `path` is gone. */
async function removed(path: string): Promise<void> {
  const changes = watch(dirname(path), { signal: AbortSignal.timeout(20_000) });
  for await (const { filename } of changes) {
    if (filename === basename(path) && !existsSync(path)) return;
  }
}
