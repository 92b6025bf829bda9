import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { eventually } from '../../../src/testing/contracts/delivery-actions.js';
import { createDatabase } from '../../support/postgres.js';

export class Moved extends defineEvent<{ key: string }>('Moved') {}

const Handled = defineEntity({
  name: 'HandledInOrder',
  tableName: 'handled_in_order',
  properties: { id: p.string().primary() },
});

export type Rows = <Row>(statement: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** A database at an isolation level, with a table of what was handled, and MikroORMs on it. */
export class Arena implements AsyncDisposable {
  readonly url: string;
  readonly orms: readonly MikroORM[];
  readonly #drop: () => Promise<void>;

  private constructor(url: string, orms: readonly MikroORM[], drop: () => Promise<void>) {
    this.url = url;
    this.orms = orms;
    this.#drop = drop;
  }

  static async open(isolation: string, processes: number, connections = 16): Promise<Arena> {
    const database = await createDatabase();
    const { url, name } = database;
    const first = await connect(url, 1);
    await first.em
      .fork()
      .execute(`alter database ${name} set default_transaction_isolation = '${isolation}'`);
    // Whoever waits for what the test holds fails then.
    await first.em.fork().execute(`alter database ${name} set lock_timeout = '5s'`);
    await first.close(true);
    const orms = await Promise.all(Array.from({ length: processes }, () => connect(url, connections)));
    const arena = new Arena(url, orms, () => database.drop());
    await mikroOrmLog(arena.orm).migrate();
    // A second one of its key at the same time would have the same serial, and could not commit.
    await arena.rows(`create table handled_in_order (
      key text not null, serial int not null, id text not null, unique (key, serial))`);
    return arena;
  }

  get orm(): MikroORM {
    return this.orms[0] as MikroORM;
  }

  readonly rows: Rows = (statement, parameters = []) =>
    this.orm.em.fork().execute(statement, [...parameters]);

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.orms.map((orm) => orm.close(true)));
    await this.#drop();
  }
}

function connect(clientUrl: string, max: number): Promise<MikroORM> {
  const pool = { min: 0, max };
  return MikroORM.init({ ...ignoreHandoverSchema(), entities: [Handled], clientUrl, pool });
}

interface KeySequence {
  readonly key: string;
  readonly ids: readonly string[];
}

/** For each key the events as they were handled, and as the global order has them. */
export async function sequences(
  rows: Rows,
): Promise<Readonly<Record<'handled' | 'wanted', readonly KeySequence[]>>> {
  const handled = await rows<KeySequence>(
    'select key, array_agg(id order by serial) as ids from handled_in_order group by key order by key',
  );
  const wanted =
    await rows<KeySequence>(`select data::json->>'key' as key, array_agg(id order by position) as ids
    from handover.log join handover.events using (seq) group by 1 order by 1`);
  return { handled, wanted };
}

/**
 * A store whose ordered handler writes what it has handled. Some attempts fail after writing, and some lose their lease
 * while they run.
 */
export function troubledStore(
  orm: MikroORM,
  rows: Rows,
  trouble: { lost: number; failed: number },
): EventStore {
  const store = new EventStore({ log: mikroOrmLog(orm), events: [Moved] });
  const handle = async ({ id, data: { key } }: Moved) => {
    await orm.em
      .getContext()
      .execute(
        'insert into handled_in_order (key, serial, id) select ?, count(*) + 1, ? from handled_in_order where key = ?',
        [key, id, key],
      );
    const chance = Math.random();
    if (chance < 0.08) {
      trouble.failed += 1;
      throw new Error('failed on purpose');
    }
    if (chance < 0.12) {
      trouble.lost += 1;
      await rows(
        `update handover.deliveries set leased_until = clock_timestamp()
          where state = 'running' and seq = (select seq from handover.events where id = ?)`,
        [id],
      );
      const settle = 'select from handover.deliveries where state = ? limit 1';
      for (let look = 0; look < 20; look += 1) await rows(settle, ['running']);
    }
  };
  store.subscribe(handle, {
    to: [Moved],
    run: 'queued',
    name: 'moves',
    orderedBy: (event: Moved) => event.data.key,
    backoff: { base: 1, cap: 20 },
    attempts: 1_000,
  });
  return store;
}

/** Tried again where the isolation level makes those who write collide. */
export function atLast<T>(work: () => Promise<T>): Promise<T> {
  return eventually('the database takes it', () => work().catch(() => undefined));
}
