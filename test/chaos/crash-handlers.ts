import type { MikroORM } from '@mikro-orm/postgresql';
import { defineEvent, type EventStore, type QueuedOptions } from 'handover';

export class Sent extends defineEvent<{ nth: number }>('Sent') {}

/**
 * - `row`: writes a row. `ordered`: the same, one after the other. `failing`: the same, and fails at the first attempt.
 * - `external`: makes a call.
 */
export type CrashHandler = 'row' | 'ordered' | 'failing' | 'external';

export interface CrashMeans {
  readonly store: EventStore;
  readonly orm: MikroORM;
  readonly attempts: number;
  readonly call: (eventId: string) => void;
  readonly at: (moment: 'in handler' | 'after write') => Promise<void>;
}

export function subscribeForCrash(name: CrashHandler, { store, orm, attempts, call, at }: CrashMeans): void {
  const write = (id: string) =>
    orm.em.getContext().execute('insert into effect (handler, event_id) values (?, ?)', [name, id]);
  const options: Record<CrashHandler, QueuedOptions> = {
    row: {},
    ordered: { orderedBy: () => 'all' },
    failing: {},
    external: { effects: 'external' },
  };
  store.subscribe(
    async (event, { attempt }) => {
      await at('in handler');
      if (name === 'external') call(event.id);
      else await write(event.id);
      await at('after write');
      if (name === 'failing' && attempt === 1) throw new Error('The first time.');
    },
    { to: [Sent], run: 'queued', name, attempts, backoff: 1, ...options[name] },
  );
}
