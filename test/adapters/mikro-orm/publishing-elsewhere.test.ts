import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';
import { runInProcess } from '../../support/processes.js';

class Noted extends defineEvent<{ note: number }>('Noted') {}

const Nothing = defineEntity({ name: 'Nothing', properties: { id: p.integer().primary() } });
const anHour = 3_600_000;

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;

beforeEach(async () => {
  database = await createDatabase();
  orm = await MikroORM.init({ ...ignoreHandoverSchema(), entities: [Nothing], clientUrl: database.url });
  store = new EventStore({ log: mikroOrmLog(orm) });
  await store.migrate();
});

afterEach(async () => {
  await store.close();
  await orm.close(true);
  await database.drop();
});

const publisher = () =>
  runInProcess(new URL('./publisher.ts', import.meta.url), { args: [database.url], patience: 20_000 });

/** Asks twenty times a second, for ten seconds at most. */
async function outboxIsEmpty(): Promise<boolean> {
  for (let round = 0; round < 200; round += 1) {
    const [row] = await orm.em
      .fork()
      .execute<{ left: number }[]>('select count(*)::int as left from handover.outbox, pg_sleep(0.05)');
    if (row?.left === 0) return true;
  }
  return false;
}

describe('a process that only publishes', () => {
  // Seen failing without background sequencing: the worker hears of nothing.
  it('wakes a worker in another process long before that looks by itself', async () => {
    const heard = Promise.withResolvers<string>();
    store.subscribe(async (event) => heard.resolve(event.id), { to: [Noted], run: 'queued', name: 'noter' });
    await using worker = await store.work({ pollEvery: anHour });
    await worker.idle();
    const other = publisher();
    const published = await other.nextLine();
    expect(await heard.promise).toBe(published);
    other.send('close');
  });

  it('leaves nothing in the outbox after a while', async () => {
    const other = publisher();
    await other.nextLine();
    expect(await outboxIsEmpty()).toBe(true);
    other.send('close');
  });

  // Seen failing with a timer that keeps Node alive and is not cleared.
  it.each(['close', 'leave open'])('ends by itself when told to %s its store', async (order) => {
    const other = publisher();
    await other.nextLine();
    other.send(order);
    expect(await other.nextLine()).toBe('no timer is left');
    expect(await other.exited()).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
