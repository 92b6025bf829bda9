import { describe, expect, it } from '@jest/globals';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore, WrongExpectedVersion } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { createDatabase } from '../support/postgres.js';

class SeatTaken extends defineEvent<{ by: number }>('SeatTaken') {}

const Attempt = defineEntity({
  name: 'SeatAttempt',
  tableName: 'seat_attempt',
  properties: { id: p.integer().primary(), refused: p.boolean() },
});

const writers = 100;

// H4
describe('100 transactions that expect the same version of a stream', () => {
  it('let one win, and the others go on and commit what they have to say about it', async () => {
    const database = await createDatabase();
    const orm = await MikroORM.init({
      ...ignoreHandoverSchema(),
      entities: [Attempt],
      clientUrl: database.url,
      pool: { max: writers + 10 },
    });
    const store = new EventStore({ log: mikroOrmLog(orm) });
    try {
      await store.migrate();
      await orm.em.fork().execute('create table seat_attempt (id int primary key, refused boolean not null)');
      await store.publish(new SeatTaken({ by: -1 }), { stream: 'Seat-1' });

      const refusals = await Promise.all(
        Array.from({ length: writers }, (_, by) =>
          orm.em.fork().transactional(async (em) => {
            const refusal = await store
              .publish(new SeatTaken({ by }), { stream: 'Seat-1', expectedVersion: 0 })
              .then(() => undefined)
              .catch((error: unknown) => error);
            em.create(Attempt, { id: by, refused: refusal !== undefined });
            return refusal;
          }),
        ),
      );

      const refused = refusals.filter((refusal) => refusal !== undefined);
      expect(refused).toHaveLength(writers - 1);
      for (const refusal of refused) {
        expect(refusal).toBeInstanceOf(WrongExpectedVersion);
        expect(refusal).toMatchObject({ stream: 'Seat-1', expected: 0, actual: 1 });
      }
      expect(await store.read.stream('Seat-1').count()).toBe(2);
      expect(await orm.em.fork().count(Attempt)).toBe(writers);
      expect(await orm.em.fork().count(Attempt, { refused: false })).toBe(1);
    } finally {
      await store.close();
      await orm.close(true);
      await database.drop();
    }
  }, 60_000);
});
