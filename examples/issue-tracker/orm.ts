import { MikroORM } from '@mikro-orm/postgresql';
import { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { entities } from './app/entities/entities.js';
import { FeedEntry } from './app/entities/feed-entry.js';
import type { Place } from './databases.js';

export async function openOrm({ url, schema, eventSchema }: Place): Promise<MikroORM> {
  const config = {
    clientUrl: url,
    entities: [...entities],
    metadataProvider: ReflectMetadataProvider,
    ...(schema !== undefined && { driverOptions: { options: `-c search_path=${schema}` } }),
  };
  return MikroORM.init(ignoreHandoverSchema(config, eventSchema));
}

export async function withOrm<T>(place: Place, work: (orm: MikroORM) => Promise<T>): Promise<T> {
  const orm = await openOrm(place);
  try {
    return await work(orm);
  } finally {
    await orm.close();
  }
}

/** Those of the application, unless they are there. */
export async function createTables(orm: MikroORM): Promise<void> {
  const { tableName } = orm.getMetadata(FeedEntry);
  const [known] = await orm.em
    .fork()
    .execute<{ found: string | null }[]>('select to_regclass(?) as found', [tableName]);
  if (known?.found == null) await orm.schema.create();
}

export function openLog(orm: MikroORM, { eventSchema }: Place) {
  return mikroOrmLog(orm, eventSchema === undefined ? {} : { schema: eventSchema });
}
