import { EventStore, LogUnavailable, type Worker } from 'handover';
import { bullmqScheduler } from 'handover/bullmq';
import { mikroOrmLog } from 'handover/mikro-orm';
import { seededRandom } from '../../src/testing/contracts/seeded-random.js';
import { nextOrder, tellParent } from '../support/processes-parent.js';
import { connect } from './bookings.js';
import { subscribeAll } from './handlers.js';
import { journalIn } from './journal.js';
import { pace } from './pace.js';
import { settingsFrom } from './program-settings.js';

const { url, folder, redis, seed, leaseFor } = settingsFrom(process.argv);
const journal = journalIn(folder);
const orm = await connect(url, 16);
const scheduler = redis === undefined ? undefined : bullmqScheduler({ connection: redis, queue: 'chaos' });
const store = new EventStore({ log: mikroOrmLog(orm), scheduler });
store.onError((error) => tellParent(`error ${error instanceof Error ? error.name : String(error)}`));
subscribeAll({
  store,
  orm,
  random: seededRandom(seed),
  call: (key) => journal('called', key.split(':')[0] ?? ''),
  ran: () => tellParent('ran'),
});

const worker = await working();
tellParent('ready');
await nextOrder();
await worker.stop();
await store.close();
await orm.close(true);
tellParent('stopped');
process.exit(0);

/** The database may be away just now: `work()` says so, and a supervisor would start the program again. */
async function working(): Promise<Worker> {
  for (;;) {
    try {
      return await store.work({ concurrency: 12, leaseFor, pollEvery: 300, grace: 5_000 });
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      await pace(50);
    }
  }
}
