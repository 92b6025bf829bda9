import { EventStore } from 'handover';
import { bus } from './app/bus.js';
import { createListeners } from './app/listeners/listeners.js';
import { connectTracker } from './migrated/connect.js';
import { declarePairs } from './migrated/pairs/declare-pairs.js';
import { mendedRelease } from './migrated/pairs/handlers.js';
import { openLog, openOrm } from './orm.js';

/** For `npx handover`: the application as its second release left it, in the database that `--keep` names. */
// oxlint-disable-next-line import/no-default-export -- what the command line looks for
export default async function openApplication() {
  const place = { url: process.env['DATABASE_URL'] ?? '' };
  const orm = await openOrm(place);
  const store = new EventStore({ log: openLog(orm, place) });
  const handlers = mendedRelease({ store, em: orm.em, mailbox: [] });
  declarePairs(createListeners(orm.em), handlers);
  connectTracker(store);
  const close = async () => {
    await store.close();
    await orm.close();
  };
  return { bus, store, close };
}
