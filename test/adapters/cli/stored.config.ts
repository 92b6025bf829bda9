import { MikroORM } from '@mikro-orm/postgresql';
import { EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { connectBus, entities } from './stored-shop.js';

const clientUrl = process.env['DATABASE_URL'] ?? '';

// oxlint-disable import/no-default-export -- what the command line looks for
// #region config
export default async function openApplication() {
  const orm = await MikroORM.init({ ...ignoreHandoverSchema(), clientUrl, entities });
  const store = new EventStore({ log: mikroOrmLog(orm) });
  const bus = connectBus(store); // yours: subscribes listeners, declares pairs, connects
  return { bus, store, close: () => orm.close() };
}
// #endregion
