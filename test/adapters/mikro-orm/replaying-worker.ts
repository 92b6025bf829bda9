import { nextOrder, tellParent } from '../../support/processes-parent.js';
import { connect, handlerName, storeWithView } from './replay-subjects.js';

const [url = ''] = process.argv.slice(2);
const orm = await connect(url);
const store = storeWithView(orm);
store.onError((error) => process.stderr.write(`${String(error)}\n`));
const worker = await store.work({ concurrency: 10, leaseFor: 500, pollEvery: 100 });
tellParent('working');
for (let order = await nextOrder(); order !== 'stop'; order = await nextOrder()) {
  await orm.em.fork().transactional(async (em) => {
    await em.execute('truncate price_view');
    await store.replays.start(handlerName);
  });
  tellParent('started');
}
await worker.stop();
await store.close();
await orm.close(true);
process.exit(0);
