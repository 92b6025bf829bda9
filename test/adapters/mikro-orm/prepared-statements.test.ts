import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/postgresql';
import type { Options } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { Catalog, CatalogItem, ReflectMetadataProvider } from '../../support/entities.js';
import { createDatabase } from '../../support/postgres.js';
import type { TestDatabase } from '../../support/postgres.js';

class Noted extends defineEvent<{ note: string }>('Noted') {}

let database: TestDatabase;
const opened: MikroORM[] = [];

beforeAll(async () => {
  database = await createDatabase();
});

afterEach(async () => {
  for (const orm of opened.splice(0).toReversed()) await orm.close(true);
});

afterAll(() => database.drop());

/** An application whose pool is one session, so that its statements are prepared in the session that is asked. */
async function start(options: Options = {}) {
  const orm = await MikroORM.init({
    clientUrl: database.url,
    entities: [Catalog, CatalogItem],
    metadataProvider: ReflectMetadataProvider,
    pool: { max: 1 },
    ...ignoreHandoverSchema(options),
  });
  opened.push(orm);
  const store = new EventStore({ log: mikroOrmLog(orm), events: [Noted] });
  await store.migrate();
  const stream = `Notes-${opened.length}-${Math.random()}`;
  const publish = (note: string) => store.publish(new Noted({ note }), { stream });
  const notes = async () => {
    const events = await store.read.stream(stream).ofType(Noted).toArray();
    return events.map((event) => event.data.note);
  };
  const prepared = async () => {
    const rows = await orm.em.execute<{ statement: string }[]>(
      "select statement from pg_prepared_statements where name like 'handover%'",
    );
    return rows.map((row) => row.statement.replace(/\(.*/s, ''));
  };
  return { orm, publish, notes, prepared };
}

describe('publishing outside a transaction', () => {
  it('is a statement that the session parses once', async () => {
    const { publish, notes, prepared } = await start();

    await publish('a');
    await publish('b');

    expect(await notes()).toEqual(['a', 'b']);
    expect(await prepared()).toEqual(['select "handover".append_one']);
  });

  it('goes on where a proxy or a reset has taken the prepared statements away', async () => {
    const { orm, publish, notes, prepared } = await start();
    await publish('a');
    await orm.em.execute('deallocate all');

    await publish('b');
    await publish('c');

    expect(await notes()).toEqual(['a', 'b', 'c']);
    expect(await prepared()).toEqual([]);
  });

  it('goes on where the session knows the name from another client of a proxy', async () => {
    const first = await start();
    await first.publish('a');
    const [known] = await first.orm.em.execute<{ name: string }[]>('select name from pg_prepared_statements');
    const second = await start();
    await second.orm.em.execute(`prepare "${known?.name}" as select 1`);

    await second.publish('b');

    expect(await second.notes()).toEqual(['b']);
  });

  it('goes through the Kysely that an application has brought', async () => {
    const first = await start();
    const client = first.orm.em.getConnection().getClient();
    const second = await start({ driverOptions: () => client });

    await second.publish('b');

    expect(await second.notes()).toEqual(['b']);
    expect(await second.prepared()).toEqual([]);
  });

  it('prepares nothing in sessions that the application sets up whenever they are taken', async () => {
    let taken = 0;
    const { publish, notes, prepared } = await start({
      onReserveConnection: () => {
        taken += 1;
        return Promise.resolve();
      },
    });
    taken = 0;

    await publish('a');

    expect(taken).toBe(1);
    expect(await notes()).toEqual(['a']);
    expect(await prepared()).toEqual([]);
  });
});
