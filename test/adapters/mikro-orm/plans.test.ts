import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore, type DeliveryLog } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

class Noted extends defineEvent<{ note: number }>('Noted') {}

const Nothing = defineEntity({ name: 'Nothing', properties: { id: p.integer().primary() } });
const many = 4_000;

let database: TestDatabase;
let orm: MikroORM;
let store: EventStore;
let deliveries: DeliveryLog;

beforeAll(async () => {
  database = await createDatabase();
  orm = await MikroORM.init({
    ...ignoreHandoverSchema(),
    entities: [Nothing],
    clientUrl: database.url,
    pool: { max: 1 }, // one session, which keeps its plans
  });
  const log = mikroOrmLog(orm);
  store = new EventStore({ log });
  await store.migrate();
  if (log.deliveries === undefined) throw new Error('The log keeps no deliveries.');
  deliveries = log.deliveries;
  await deliveries.register([{ name: 'noter', types: ['Noted'], from: 'now', attempts: 3, ordered: false }]);
});

afterAll(async () => {
  await store.close();
  await orm.close(true);
  await database.drop();
});

const execute = (statement: string) => orm.em.fork().execute<{ rows: string }[]>(statement);

async function claim(limit: number) {
  return deliveries.claim({ handlers: [{ name: 'noter', limit }], limit, worker: 'w', leaseFor: 60_000 });
}

async function handleOne(): Promise<void> {
  await deliveries.sequence();
  const claimed = await claim(1);
  await deliveries.complete(claimed.map(({ token }) => token));
}

/** Rows that this server has read so far of the tables that grow, whichever way. */
async function rowsRead(): Promise<number> {
  await execute(`select pg_stat_force_next_flush()`);
  await execute(`select pg_stat_clear_snapshot()`);
  const [row] = await execute(
    `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as rows from pg_stat_user_tables
      where schemaname = 'handover' and relname in ('events', 'deliveries', 'log', 'outbox')`,
  );
  return Number(row?.rows);
}

describe('a session that has worked on empty tables', () => {
  // Seen failing without `plans` among the migrations.
  it('reads only what it needs when they are full', async () => {
    for (let note = 0; note < 12; note += 1) {
      await store.append(new Noted({ note }));
      await handleOne();
    }
    await store.append(Array.from({ length: many }, (_, note) => new Noted({ note })));
    await deliveries.sequence();
    const before = await rowsRead();
    for (let round = 0; round < 10; round += 1) {
      await store.append(new Noted({ note: round }));
      await handleOne();
    }
    expect((await rowsRead()) - before).toBeLessThan(many / 4);
  });
});
