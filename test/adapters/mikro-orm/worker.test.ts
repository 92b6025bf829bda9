import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

class Noted extends defineEvent<{ note: number }>('Noted') {}
class Echoed extends defineEvent<{ note: number }>('Echoed') {}

const Receipt = defineEntity({
  name: 'WorkerReceipt',
  tableName: 'worker_receipt',
  properties: { id: p.string().primary() },
});

let database: TestDatabase;
let orm: MikroORM;

const connect = () =>
  MikroORM.init({
    ...ignoreHandoverSchema(),
    entities: [Receipt],
    clientUrl: database.url,
    pool: { max: 40 },
  });

beforeAll(async () => {
  database = await createDatabase();
  orm = await connect();
  await new EventStore({ log: mikroOrmLog(orm) }).migrate();
  await orm.em.fork().execute('create table worker_receipt (id text not null)');
});

afterAll(async () => {
  await orm.close(true);
  await database.drop();
});

const receipts = async () =>
  orm.em.fork().execute<{ id: string }[]>('select id from worker_receipt order by id');

describe('queued handlers on PostgreSQL', () => {
  // H8
  it('leave each row and each further event once, though attempts fail after writing', async () => {
    const store = new EventStore({ log: mikroOrmLog(orm), events: [Noted, Echoed] });
    const errors: unknown[] = [];
    store.onError((error) => errors.push(error));
    const failed = new Set<string>();
    store.subscribe(
      async (event) => {
        await orm.em.getContext().execute(`insert into worker_receipt values ('${event.id}')`);
        await store.publish(new Echoed(event.data));
        if (event.data.note % 4 !== 0 || failed.has(event.id)) return;
        failed.add(event.id);
        throw new Error('once');
      },
      { to: [Noted], run: 'queued', name: 'receipts', backoff: 1 },
    );
    await using worker = await store.work({ concurrency: 10 });
    await using other = await store.work({ concurrency: 10 });
    const noted = Array.from({ length: 100 }, (_, note) => new Noted({ note }));
    await Promise.all(noted.map((event) => store.publish(event)));
    const echoed = async () => (await store.read.ofType(Echoed).toArray()).map((event) => event.data.note);
    for (let round = 0; round < 500 && (await echoed()).length < 100; round += 1) {
      await worker.idle();
      await other.idle();
    }

    expect(failed.size).toBe(25);
    expect((await receipts()).map((row) => row.id)).toEqual(noted.map((event) => event.id).toSorted());
    expect((await echoed()).toSorted((a, b) => a - b)).toEqual(noted.map((_, note) => note));
    expect(errors).toEqual([]);
    const why = await store.why(noted[4]?.id ?? '');
    expect(why.text).toContain('receipts');
    await worker.stop();
    await other.stop();
  }, 60_000);

  it('hear at once of events that commit while workers claim', async () => {
    class Late extends defineEvent('Late') {}
    const store = new EventStore({ log: mikroOrmLog(orm) });
    let arrived = Promise.withResolvers<string>();
    store.subscribe((event) => arrived.resolve(event.id), {
      to: [Late],
      run: 'queued',
      name: 'late',
      effects: 'external',
    });
    // A claim that leased an event without finding it would show only when the lease is over: far beyond this test.
    await using worker = await store.work({ leaseFor: 600_000 });
    await using other = await store.work({ leaseFor: 600_000 });
    for (let round = 0; round < 300; round += 1) {
      arrived = Promise.withResolvers<string>();
      const event = new Late();
      await store.publish(event);
      expect(await arrived.promise).toBe(event.id);
    }
    await worker.stop();
    await other.stop();
  }, 60_000);

  it('get what a process published that has never loaded them', async () => {
    const owner = new EventStore({ log: mikroOrmLog(orm) });
    const heard = Promise.withResolvers<number>();
    owner.subscribe((event) => heard.resolve(event.data.note), {
      to: [Noted],
      run: 'queued',
      name: 'elsewhere',
      effects: 'external',
    });
    await using worker = await owner.work();
    const otherOrm = await connect();
    const publisher = new EventStore({ log: mikroOrmLog(otherOrm) });
    await publisher.publish(new Noted({ note: 777 }));
    expect(await heard.promise).toBe(777);
    await publisher.close();
    await otherOrm.close(true);
    await worker.stop();
  }, 30_000);
});
