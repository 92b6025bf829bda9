import { nextOrder, tellParent } from '../support/processes-parent.js';
import type { Stage } from 'handover/legacy';
import { openShop } from './paired-shop.js';

// Handles, and tells of each event that it has handled; one of them is held until the first order. Orders: `drain`, `close`.
const [clientUrl = '', stage = '', failures = '0', held = '', mover = ''] = process.argv.slice(2);
const share = Number(failures);
const released = Promise.withResolvers<void>();
const shop = await openShop(clientUrl, {
  stage: stage as Stage,
  isFlagged: mover === 'a flag',
  async around(event, work) {
    if (Math.random() < share) throw new Error('before its row');
    await work();
    tellParent(`handled ${event.data.key}`);
    if (event.data.key === held) await released.promise;
    if (Math.random() < share) throw new Error('after its row');
  },
});
const { orm, store, pair, close } = shop;
const worker = await store.work({ leaseFor: 1_000, concurrency: 4 });

async function drain(): Promise<void> {
  const open = "select count(*)::int as open from handover.deliveries where state not in ('done')";
  const deadline = Date.now() + 25_000;
  for (let rounds = 0; rounds < 10_000 && Date.now() < deadline; rounds += 1) {
    await worker.idle();
    const [row] = await orm.em.fork().execute<{ open: number }[]>(open);
    if (row?.open === 0) return;
  }
  throw new Error('Deliveries are left.');
}

tellParent('working');
for (;;) {
  const order = await nextOrder();
  if (order === 'close') break;
  released.resolve();
  if (order === 'drain') await drain();
  await pair.settled();
  const { evidence } = await pair.report();
  tellParent(`drained ${JSON.stringify({ stage: pair.stage, verdicts: evidence.verdicts })}`);
}
await worker.stop();
await close();
process.exit();
