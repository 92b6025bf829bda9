import { EventStore } from 'handover';
import { mikroOrmLog } from 'handover/mikro-orm';
import { nextOrder, tellParent } from '../support/processes-parent.js';
import { connect } from './bookings.js';
import { Sent, subscribeForCrash, type CrashHandler } from './crash-handlers.js';
import { die, stoppingAt, type CrashPoint } from './crash-points.js';
import { journalIn } from './journal.js';

/** A program that publishes, works, and dies at one point of it. */
export interface CrashSettings {
  readonly url: string;
  readonly folder: string;
  readonly handler: CrashHandler;
  readonly attempts: number;
  readonly publishes: number;
  /** `hold`: it says `held` before it marks its delivery done, and goes on when it is told to. */
  readonly point: CrashPoint | 'hold';
}

const { url, folder, handler, attempts, publishes, point } = JSON.parse(
  process.argv[2] ?? '',
) as CrashSettings;
const orm = await connect(url);
const log = mikroOrmLog(orm);
const hold = async () => {
  tellParent('held');
  await nextOrder();
};
const store = new EventStore({
  log: point === 'hold' ? stoppingAt('before complete', log, hold) : stoppingAt(point, log),
});
const journal = journalIn(folder);
store.onError((error) => tellParent(error instanceof Error ? error.name : String(error)));
subscribeForCrash(handler, {
  store,
  orm,
  attempts,
  call: (id) => journal('called', id),
  async at(moment) {
    if (moment === point) await die();
  },
});

await orm.em.fork().transactional(async () => {
  for (let nth = 0; nth < publishes; nth += 1) await store.publish(new Sent({ nth }), { stream: 'Parcels' });
  if (point === 'in transaction') await die();
});
await store.work({ leaseFor: 300, pollEvery: 50, concurrency: 1 });
