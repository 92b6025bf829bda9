import type { MikroORM } from '@mikro-orm/postgresql';
import type { EventStore, HandlerContext, QueuedOptions } from 'handover';
import type { Random } from '../../src/testing/contracts/seeded-random.js';
import { Booked, Echoed } from './bookings.js';

/** What the handlers of one process work with. */
export interface Means {
  readonly store: EventStore;
  readonly orm: MikroORM;
  readonly random: Random;
  /** An effect outside the database. */
  readonly call: (idempotencyKey: string) => void;
  /** A handler has come to its end, one way or the other. */
  readonly ran: () => void;
}

const patient = { attempts: 1_000, backoff: { base: 20, cap: 500 } };

/** What each handler is there for stands in its line; the rules of `rules.ts` hold it to that. */
export function subscribeAll(means: Means): void {
  const { store, orm, random, call } = means;
  const leave = (handler: string, event: { id: string }) =>
    orm.em.getContext().execute('insert into effect (handler, event_id) values (?, ?)', [handler, event.id]);

  const subscribe = (
    name: string,
    handle: (event: Booked, context: HandlerContext) => Promise<void>,
    options: QueuedOptions = {},
  ) =>
    store.subscribe(
      async (event, context) => {
        try {
          await handle(event, context);
        } finally {
          means.ran();
        }
      },
      { to: [Booked], run: 'queued', name, ...patient, ...options },
    );

  subscribe('row', async (event) => {
    await leave('row', event);
    if (event.data.echoes) await store.publish(new Echoed({ of: event.id }), { stream: 'Echoes' });
  });

  subscribe('ordered', async (event) => void (await leave('ordered', event)), {
    orderedBy: (event: Booked) => event.data.account,
  });

  subscribe('flaky', async (event) => {
    await leave('flaky', event);
    if (random.below(100) < 30) throw new Error('This time not.');
  });

  subscribe(
    'slow',
    async (event) => {
      await leave('slow', event);
      const seconds = random.below(100) < 2 ? 2.5 : random.below(100) / 1_000;
      await orm.em.getContext().execute('select pg_sleep(?)', [seconds]);
    },
    { concurrency: 4 },
  );

  subscribe(
    'doomed',
    async (event) => {
      await leave('doomed', event);
      if (event.data.poison) throw new Error('Never.');
    },
    { attempts: 25, backoff: { base: 1, cap: 5 } },
  );

  subscribe('external', async (_, { idempotencyKey }) => call(idempotencyKey), { effects: 'external' });

  store.subscribe(
    async (event) => {
      await leave('echo', event);
      means.ran();
    },
    { to: [Echoed], run: 'queued', name: 'echo', ...patient },
  );
}
