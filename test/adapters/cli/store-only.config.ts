import { MikroORM } from '@mikro-orm/postgresql';
import { EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { entities } from './stored-shop.js';

/** An application without a legacy bus. */
// oxlint-disable-next-line import/no-default-export -- what the command line looks for
export default async function openApplication() {
  const clientUrl = process.env['DATABASE_URL'] ?? '';
  const orm = await MikroORM.init({ ...ignoreHandoverSchema(), clientUrl, entities });
  return { store: new EventStore({ log: mikroOrmLog(orm) }), close: () => orm.close() };
}
