import { MikroORM } from '@mikro-orm/postgresql';
import { EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';

export const orm = await MikroORM.init({
  ...ignoreHandoverSchema(),
  clientUrl: 'postgres://localhost/shop',
  entities: [],
});
export const store = new EventStore({ log: mikroOrmLog(orm, { schema: 'handover' }) });
await store.migrate();
