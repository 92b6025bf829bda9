import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore, Handles } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { repository } from '../house/source-files.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';

class OrderPaid extends defineEvent<{ orderId: string }>('OrderPaid') {}

const OperatedOrder = defineEntity({
  name: 'OperatedOrder',
  properties: { id: p.string().primary() },
});

const printer = { isBroken: false, printed: [] as string[] };

@Handles(OrderPaid, { run: 'queued', name: 'receipts.print', attempts: 1 })
class PrintReceipt {
  handle({ data }: OrderPaid) {
    if (printer.isBroken) throw new Error('No paper');
    printer.printed.push(data.orderId);
  }
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await database.drop();
});

const open = () =>
  MikroORM.init({ ...ignoreHandoverSchema(), clientUrl: database.url, entities: [OperatedOrder] });

async function migrate(): Promise<void> {
  const orm = await open();
  await new EventStore({ log: mikroOrmLog(orm) }).migrate();
  await orm.close();
}

/** The statements that the page shows, in its order. */
async function statements(): Promise<readonly string[]> {
  const page = await readFile(join(repository, 'docs/operating.md'), 'utf8');
  return Array.from(page.matchAll(/```sql\n(.+?)```/gs), ([, statement = '']) => statement);
}

describe('what docs/operating.md shows', () => {
  it('runs a worker, tells of what it gives up, and takes it up again', async () => {
    const clientUrl = database.url;
    const entities = [OperatedOrder];
    const logger = { error: jest.fn() };
    using printed = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    await migrate();

    // #region worker
    const concurrency = 16;
    const orm = await MikroORM.init({
      ...ignoreHandoverSchema(),
      clientUrl,
      entities,
      pool: { max: concurrency + 5 }, // a running handler holds a connection; leasing and renewing want some too
    });
    const store = new EventStore({ log: mikroOrmLog(orm) });
    store.onError((error) => logger.error(error));
    store.subscribe(PrintReceipt);
    const worker = await store.work({ concurrency, grace: 20_000 });
    // #endregion

    printer.isBroken = true;
    await store.publish(['1', '2', '3'].map((orderId) => new OrderPaid({ orderId })));
    await worker.idle();
    expect(logger.error.mock.calls).toEqual(
      Array.from({ length: 3 }, () => [expect.objectContaining({ code: 'handler_failed' })]),
    );
    printer.isBroken = false;

    // #region dead-letters
    const dead = await store.deadLetters.list({ handler: 'receipts.print', limit: 20 }); // newest first
    for (const { eventId, attempt, lastError } of dead) console.log(eventId, attempt, lastError?.message);

    const [newest] = dead;
    console.log((await store.why(newest!.eventId)).text); // for every handler: done, due, dead, …

    await store.deadLetters.skip({ eventId: newest!.eventId }, 'printed by hand');
    await store.deadLetters.retry({ handler: 'receipts.print' }); // the others, with all their attempts
    // #endregion

    await worker.idle();
    expect(printed.mock.calls.flat().join(' ')).toContain('No paper');
    expect(printer.printed).toHaveLength(2);
    await store.close();
    await orm.close();
  });

  it('counts in SQL what waits, how old it is, and what is dead', async () => {
    await migrate();
    const orm = await open();
    const store = new EventStore({ log: mikroOrmLog(orm) });
    const ask = async (statement: string) => orm.em.fork().execute<Record<string, unknown>[]>(statement);
    const shown = await statements();
    const [backlog = '', unsequenced = '', dead = ''] = shown;
    expect(shown).toHaveLength(3);
    printer.isBroken = true;
    store.onError(() => undefined);
    store.subscribe(PrintReceipt);
    const worker = await store.work();
    await store.publish(new OrderPaid({ orderId: '4' }));
    await worker.idle();
    await store.close();
    const publisher = new EventStore({ log: mikroOrmLog(orm) }); // no handlers, so that it leaves sequencing to others
    await publisher.publish(new OrderPaid({ orderId: '5' }));

    expect(await ask(unsequenced)).toEqual([{ events: '1', lag: expect.anything() }]);
    await publisher.read.toArray();
    expect(await ask(unsequenced)).toEqual([{ events: '0', lag: null }]);
    expect(await ask(backlog)).toEqual([
      { handler: 'receipts.print', state: 'due', deliveries: '1', lag: expect.anything() },
    ]);
    expect(await ask(dead)).toEqual([
      {
        handler: 'receipts.print',
        deliveries: '1',
        since: expect.stringMatching(/^\d{4}-/),
        example: expect.stringContaining('No paper'),
      },
    ]);
    await publisher.close();
    await orm.close();
  });
});
