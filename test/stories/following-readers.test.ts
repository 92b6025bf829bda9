import { describe, expect, it } from '@jest/globals';
import { defineEntity, MikroORM, p, type EntityManager } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase } from '../support/postgres.js';

class Moved extends defineEvent<{ writer: number; step: number }>('Moved') {}

const Account = defineEntity({
  name: 'RaceAccount',
  properties: { id: p.integer().primary(), balance: p.integer() },
});

const transactionCount = 2_000;
const inFlight = 200;
const hotStreams = 20;

interface Seen {
  readonly id: string;
  readonly stream: string | undefined;
  readonly version: number | undefined;
}

/** What a follower got wrong, against the events that committed. */
interface Verdict {
  readonly missed: number;
  readonly twice: number;
  readonly phantoms: number;
  readonly inversions: number;
}

const flawless: Verdict = { missed: 0, twice: 0, phantoms: 0, inversions: 0 };

function judge(seen: readonly Seen[], committed: ReadonlySet<string>): Verdict {
  const ids = new Set(seen.map((each) => each.id));
  const last = new Map<string, number>();
  let inversions = 0;
  for (const { stream = '', version = -1 } of seen) {
    if (version <= (last.get(stream) ?? -1)) inversions += 1;
    last.set(stream, version);
  }
  return {
    missed: [...committed].filter((id) => !ids.has(id)).length,
    twice: seen.length - ids.size,
    phantoms: [...ids].filter((id) => !committed.has(id)).length,
    inversions,
  };
}

/** Reads on and on until the writers have ended and a whole pass after that has found nothing. */
async function follow(
  next: (last: Seen | undefined) => Promise<readonly Seen[]>,
  over: AbortSignal,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (;;) {
    const wasOver = over.aborted;
    const batch = await next(seen.at(-1));
    seen.push(...batch);
    if (wasOver && batch.length === 0) return seen;
  }
}

/** Small and repeatable: the same numbers in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

class ChangedMind extends Error {}

/** Entity first: the transaction has its id long before it appends, which is what breaks naive readers. */
async function write(em: EntityManager, store: EventStore, writer: number): Promise<readonly string[]> {
  const random = numbers(writer + 1);
  const stream = random() < 0.7 ? `Hot-${Math.floor(random() * hotStreams)}` : `Cold-${writer}`;
  const events = Array.from(
    { length: 1 + Math.floor(random() * 3) },
    (_, step) => new Moved({ writer, step }),
  );
  const rollsBack = random() < 0.05;
  const expectsVersion = random() < 0.3;
  try {
    await em.transactional(async (inner) => {
      await inner.nativeUpdate(Account, { id: writer + 1 }, { balance: writer });
      await inner.execute(`select pg_sleep(${(random() * 0.02).toFixed(4)})`);
      if (expectsVersion && stream.startsWith('Cold'))
        await store.publish(events, { stream, expectedVersion: 'none' });
      else await store.publish(events, { stream });
      if (rollsBack) throw new ChangedMind();
    });
  } catch (error) {
    if (error instanceof ChangedMind) return [];
    throw error;
  }
  return events.map((event) => event.id);
}

// H1, pattern P3
describe('readers that follow the global order while 200 transactions write', () => {
  it('see every committed event once, in the order of its stream, and nothing that rolled back', async () => {
    const database = await createDatabase();
    const orm = await MikroORM.init({
      ...ignoreHandoverSchema(),
      entities: [Account],
      clientUrl: database.url,
      pool: { max: inFlight + 10 },
    });
    const store = new EventStore({ log: mikroOrmLog(orm) });
    try {
      await store.migrate();
      await orm.schema.create();
      await orm.em.execute(
        `insert into race_account select id, 0 from generate_series(1, ${transactionCount}) as id`,
      );
      const writersEnded = new AbortController();

      const bySequence = () =>
        follow(async (last) => {
          const reader = last === undefined ? store.read : store.read.from(last.id);
          return reader.limit(500).toArray();
        }, writersEnded.signal);
      const bySerial = async (): Promise<Seen[]> => {
        let cursor = '0';
        return follow(async () => {
          const rows = await orm.em
            .fork()
            .execute<{ seq: string; id: string; stream: string; version: number }[]>(
              `select seq::text, id, stream, version from handover.events where seq > ${cursor} order by events.seq limit 500`,
            );
          cursor = rows.at(-1)?.seq ?? cursor;
          return rows;
        }, writersEnded.signal);
      };

      const readers = Promise.all([bySequence(), bySequence(), bySerial()]);
      const committed = new Set<string>();
      let next = 0;
      const worker = async (): Promise<void> => {
        for (let writer = next++; writer < transactionCount; writer = next++) {
          for (const id of await write(orm.em.fork(), store, writer)) committed.add(id);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, worker));
      writersEnded.abort();
      const [first, second, naive] = await readers;

      expect(judge(first, committed)).toEqual(flawless);
      expect(judge(second, committed)).toEqual(flawless);
      expect(first.map((each) => each.id)).toEqual(second.map((each) => each.id));
      // The same judge finds the reader that trusts a serial wanting, or this test would prove nothing.
      expect(judge(naive, committed).missed).toBeGreaterThan(0);
    } finally {
      await store.close();
      await orm.close(true);
      await database.drop();
    }
  }, 120_000);
});
