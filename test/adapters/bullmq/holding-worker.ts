import { MikroORM } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { bullmqScheduler } from 'handover/bullmq';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';

// A worker whose handler never ends: node holding-worker.ts <database> <redis> <handler>
const [clientUrl = '', connection = '', name = ''] = process.argv.slice(2);

class Noted extends defineEvent<{ note: number }>('Noted') {}

const orm = await MikroORM.init({
  ...ignoreHandoverSchema(),
  entities: [],
  discovery: { warnWhenNoEntities: false },
  clientUrl,
});
const store = new EventStore({ log: mikroOrmLog(orm), scheduler: bullmqScheduler({ connection }) });
store.subscribe(
  async ({ id }) => {
    console.log(`began ${id}`);
    await new Promise(() => {});
  },
  { to: [Noted], run: 'queued', name, effects: 'external' },
);
const worker = await store.work({ concurrency: 2, leaseFor: 1_500, signals: [] });
await worker.idle();
console.log('ready');
