import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';

/** `poison`: one handler can never handle it. `echoes`: another one publishes an {@link Echoed} of it. */
export class Booked extends defineEvent<{ account: string; echoes: boolean; poison: boolean }>('Booked') {}
export class Echoed extends defineEvent<{ of: string }>('Echoed') {}

/** The application's row that commits with its event. */
export const Booking = defineEntity({
  name: 'Booking',
  tableName: 'booking',
  properties: { id: p.string().primary(), account: p.string() },
});

/** Nothing is unique in `effect`: one that happens twice must show. */
const tables = `
create table if not exists booking (id text primary key, account text not null);
create table if not exists effect (nth bigserial primary key, handler text not null, event_id text not null);
create index if not exists effect_event_idx on effect (event_id, handler);
`;

export function connect(url: string, connections = 10): Promise<MikroORM> {
  return MikroORM.init({
    ...ignoreHandoverSchema(),
    entities: [Booking],
    clientUrl: url,
    pool: { max: connections },
  });
}

/** Makes the tables of the application and of the log. */
export async function prepare(url: string): Promise<void> {
  const orm = await connect(url);
  await orm.em.fork().execute(tables);
  await new EventStore({ log: mikroOrmLog(orm) }).migrate();
  await orm.close(true);
}
