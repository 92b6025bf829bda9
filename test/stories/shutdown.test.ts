import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/postgresql';
import { EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, startOwnPostgres, type TestDatabase } from '../support/postgres.js';
import { runInProcess, type TestProcess } from '../support/processes.js';
import { Noted, Receipt } from './shutdown-subjects.js';
import type { ShutdownProgram } from './shutdown-worker.js';

let database: TestDatabase;
let orm: MikroORM;

beforeAll(async () => {
  database = await createDatabase();
  orm = await prepared(database.url);
});

afterAll(async () => {
  await orm.close(true);
  await database.drop();
});

beforeEach(async () => {
  await orm.em.fork().execute(`truncate shutdown_receipt, handover.streams, handover.events, handover.links,
    handover.outbox, handover.log, handover.handlers, handover.deliveries`);
});

async function prepared(clientUrl: string): Promise<MikroORM> {
  const connected = await MikroORM.init({ ...ignoreHandoverSchema(), entities: [Receipt], clientUrl });
  await new EventStore({ log: mikroOrmLog(connected) }).migrate();
  await connected.em.fork().execute('create table shutdown_receipt (id text primary key)');
  return connected;
}

function started(program: Omit<ShutdownProgram, 'url'> = {}, url = database.url): TestProcess {
  return runInProcess(new URL('./shutdown-worker.ts', import.meta.url), {
    args: [JSON.stringify({ url, ...program })],
    patience: 15_000,
  });
}

async function tells(program: TestProcess, ...lines: readonly string[]): Promise<void> {
  for (const line of lines) expect(await program.nextLine()).toBe(line);
}

async function answers(program: TestProcess, order: string, answer: string): Promise<void> {
  program.send(order);
  await tells(program, answer);
}

/** Events that wait for the handler `receipts`. */
async function published(count: number, mikro = orm): Promise<readonly Noted[]> {
  const store = new EventStore({ log: mikroOrmLog(mikro) });
  const events = Array.from({ length: count }, (_, note) => new Noted({ note }));
  await store.publish(events);
  return events;
}

async function receipts(): Promise<readonly string[]> {
  const rows = await orm.em.fork().execute<{ id: string }[]>('select id from shutdown_receipt order by id');
  return rows.map(({ id }) => id);
}

async function fate(event: Noted | undefined): Promise<unknown> {
  const [only] = (await mikroOrmLog(orm).deliveries?.fatesOf(event?.id ?? '')) ?? [];
  return only;
}

describe('a worker process', () => {
  // H11. Seen failing without stopOnSignals in Worker: the process dies at once, and the receipt is missing.
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'that gets %s lets its handler finish and commit, claims nothing more, and ends by the signal',
    async (signal) => {
      await using program = started({ work: { concurrency: 1 } });
      await tells(program, 'working');
      const [first, second] = await published(2);
      await tells(program, 'started 0');
      program.kill(signal);
      await answers(program, 'untilStopping', 'stopping');
      program.send('finish');
      expect(await program.exited()).toEqual({ code: null, signal, stderr: '' });
      expect(await receipts()).toEqual([first?.id]);
      expect(await fate(first)).toMatchObject({ state: 'done' });
      expect(await fate(second)).toMatchObject({ state: 'pending', attempt: 0 });
    },
  );

  // H11. Seen failing without the release in Runs.giveBack: nobody gets the delivery before the lease is over.
  it('aborts what outlasts its grace, commits nothing of it, and leaves it to others at once', async () => {
    await using program = started({ work: { grace: 200, leaseFor: 600_000 } });
    await tells(program, 'working');
    const [event] = await published(1);
    await tells(program, 'started 0');
    program.kill('SIGTERM');
    await tells(program, 'aborted: worker_stopped');
    expect(await program.exited()).toEqual({ code: null, signal: 'SIGTERM', stderr: '' });
    expect(await receipts()).toEqual([]);

    const request = {
      handlers: [{ name: 'receipts', limit: 1 }],
      limit: 1,
      worker: 'another',
      leaseFor: 60_000,
    };
    const taken = await mikroOrmLog(orm).deliveries?.claim(request);
    expect(taken).toMatchObject([{ event: { id: event?.id }, attempt: 1 }]);
  });

  // H11. Seen failing without endBy in `hear`: it waits for its grace of 25 seconds.
  it.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
  ] as const)('that gets %s and then %s ends at once, its lease left to run out', async (first, second) => {
    await using program = started();
    await tells(program, 'working');
    const [event] = await published(1);
    await tells(program, 'started 0');
    program.kill(first);
    await answers(program, 'untilStopping', 'stopping');
    program.kill(second);
    expect(await program.exited()).toEqual({ code: null, signal: second, stderr: '' });
    expect(await receipts()).toEqual([]);
    expect(await fate(event)).toMatchObject({ state: 'running', attempt: 1 });
  });

  // H11. Seen failing without `isLeftToOthers`, and `once` without prependListener: the process is dead before `pong`.
  it.each(['on', 'once'] as const)(
    'whose application listens for the signal by `%s` stops its workers, and leaves the end to it',
    async (ownListener) => {
      await using program = started({ ownListener });
      await tells(program, 'working');
      const [event] = await published(1);
      await tells(program, 'started 0');
      program.kill('SIGTERM');
      await tells(program, 'heard');
      await answers(program, 'untilStopping', 'stopping');
      program.send('finish');
      await answers(program, 'stopWorkers', 'stopped');
      await answers(program, 'listeners', ownListener === 'on' ? '1 and 0' : '0 and 0');
      await answers(program, 'ping', 'pong');
      expect(await receipts()).toEqual([event?.id]);
      await answers(program, 'close', 'closed');
      program.send('leave');
      expect(await program.exited()).toEqual({ code: 0, signal: null, stderr: '' });
    },
  );

  // H11. Seen failing with the signals of the default: the handler is waited for.
  it('that leaves signals to the application, which does not listen, is dead at the first', async () => {
    await using program = started({ work: { signals: [] } });
    await tells(program, 'working');
    await answers(program, 'listeners', '0 and 0');
    const [event] = await published(1);
    await tells(program, 'started 0');
    program.kill('SIGTERM');
    expect(await program.exited()).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(await fate(event)).toMatchObject({ state: 'running' });
  });

  // H11, H18. Seen failing without `leave`, with one listener for each worker, and without fromRoot in `join`.
  it('listens once for a signal, outside of requests, however many workers it has, until the last has stopped', async () => {
    await using program = started({ stores: 12 });
    await tells(program, 'working');
    await answers(program, 'listeners', '1 and 1');
    await answers(program, 'request', 'gone');
    await answers(program, 'stopOne', 'stopped');
    await answers(program, 'listeners', '1 and 1');
    await answers(program, 'stopWorkers', 'stopped');
    await answers(program, 'listeners', '0 and 0');
    program.kill('SIGTERM');
    expect(await program.exited()).toEqual({ code: null, signal: 'SIGTERM', stderr: '' });
  });
});

const container = ['--fork', '--pid', '--kill-child'];
const whyNoContainer = spawnSync('unshare', [...container, 'true'], { encoding: 'utf8' });
const containerTest = whyNoContainer.status === 0 ? it : it.skip;
if (containerTest !== it) process.stderr.write(`Not tested as first process: ${whyNoContainer.stderr}\n`);

describe('a worker process that is the first of its container', () => {
  // H11. Seen failing without process.exit in endBy: the kernel spares it, and it runs on without a worker.
  containerTest('ends on SIGTERM as well', () => {
    const [hooks, script] = ['../support/typescript-hooks.mjs', './shutdown-first-process.ts'].map((path) =>
      fileURLToPath(new URL(path, import.meta.url)),
    );
    const program = [process.execPath, '--import', hooks ?? '', script ?? ''];
    const { status, stdout } = spawnSync('unshare', [...container, ...program], {
      encoding: 'utf8',
      timeout: 10_000,
      killSignal: 'SIGKILL',
    });
    expect({ status, stdout }).toEqual({ status: 128 + 15, stdout: '1\n' });
  });
});

describe('a closed store', () => {
  /** Longer than the test: a timer that is left behind keeps the process. */
  const long = { leaseFor: 600_000, pollEvery: 600_000 };

  // H11. Seen failing without clearTimeout in Leases or Alarm, and with a connection that listens on: the process stays.
  it('may be closed again and again, and lets the process end by itself', async () => {
    await using program = started({ work: { ...long, grace: 100 }, heeds: true });
    await tells(program, 'working');
    await published(1);
    await tells(program, 'started 0');
    program.send('close');
    await tells(program, 'aborted: worker_stopped', 'closed');
    await answers(program, 'listeners', '0 and 0');
    program.send('leave');
    expect(await program.exited()).toEqual({ code: 0, signal: null, stderr: '' });
    expect(await receipts()).toEqual([]);
  });

  it.each(['closes', 'dies'])(
    'lets the process end by itself also when PostgreSQL %s meanwhile',
    async (how) => {
      const server = await startOwnPostgres();
      const own = await prepared(server.url);
      await using program = started({ work: { ...long, grace: 100 }, heeds: true }, server.url);
      await tells(program, 'working');
      await published(1, own);
      await tells(program, 'started 0');
      await own.close(true);
      await (how === 'dies' ? server.kill() : server.stop());
      program.send('close');
      await tells(program, 'aborted: worker_stopped', 'closed');
      program.send('leave');
      expect(await program.exited()).toEqual({ code: 0, signal: null, stderr: '' });
    },
  );
});
