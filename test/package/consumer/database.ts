import { MikroORM } from '@mikro-orm/postgresql';
import { EventStore } from 'handover';
import { bullmqScheduler } from 'handover/bullmq';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';

export const orm = await MikroORM.init({
  ...ignoreHandoverSchema(),
  clientUrl: 'postgres://localhost/shop',
  entities: [],
});
const scheduler = bullmqScheduler({ connection: 'redis://localhost' });
export const store = new EventStore({ log: mikroOrmLog(orm, { schema: 'handover' }), scheduler });
await store.migrate();
