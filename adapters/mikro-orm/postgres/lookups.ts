import type { EventLog } from '../../../src/index.js';
import type { Database } from './database.js';
import { isStorable } from './parameters.js';
import { sequence } from './sequence.js';

type Lookups = Pick<EventLog, 'streamsOf' | 'versionIn' | 'positionOf' | 'searchStreams'>;

export function lookups(database: Database): Lookups {
  const { schema, query } = database;

  /** @param eventId $1 */
  const streamsOf = /* sql */ `
select stream from (
  select stream, 0 as nth from ${schema}.events where id = $1 and stream is not null
  union all
  select links.stream, links.nth from ${schema}.links join ${schema}.events using (seq) where events.id = $1
) as found
order by nth`;

  /** @param stream $1 @param eventId $2 */
  const versionIn = /* sql */ `
select version from ${schema}.events where id = $2 and stream = $1
union all
select links.version from ${schema}.links join ${schema}.events using (seq)
  where events.id = $2 and links.stream = $1`;

  /** @param eventId $1 */
  const positionOf = /* sql */ `
select log.position::text as position from ${schema}.events left join ${schema}.log using (seq) where events.id = $1`;

  /** @param prefix $1 @param end $2: the first text behind all that begin with the prefix, or null @param limit $3 */
  const searchStreams = /* sql */ `
select name from ${schema}.streams
  where name >= $1 and ($2::text is null or name < $2) and version >= 0
  order by name
  limit $3::bigint`;

  const findPosition = async (eventId: string) => {
    const [row] = await query<{ position: string | null }>(positionOf, [eventId]);
    return row === undefined ? undefined : { position: row.position };
  };

  return {
    async streamsOf(eventId) {
      await database.settle();
      if (!isStorable(eventId)) return [];
      return (await query<{ stream: string }>(streamsOf, [eventId])).map((row) => row.stream);
    },

    async versionIn(stream, eventId) {
      await database.settle();
      if (!isStorable(stream) || !isStorable(eventId)) return undefined;
      const [row] = await query<{ version: number }>(versionIn, [stream, eventId]);
      return row?.version;
    },

    async positionOf(eventId) {
      await database.settle();
      if (!isStorable(eventId)) return undefined;
      let found = await findPosition(eventId);
      if (found?.position === null && !database.inTransaction()) {
        await sequence(database.apart, schema);
        found = await findPosition(eventId);
      }
      const position = found?.position ?? undefined;
      return position === undefined ? undefined : BigInt(position);
    },

    async searchStreams(prefix, limit) {
      await database.settle();
      if (!isStorable(prefix)) return [];
      const rows = await query<{ name: string }>(searchStreams, [prefix, endOfPrefix(prefix) ?? null, limit]);
      return rows.map((row) => row.name);
    },
  };
}

/** The first text, by code point, behind all that begin with `prefix`; `undefined` where there is none. */
export function endOfPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  const next = last === 0xd7ff ? 0xe000 : last + 1;
  return String.fromCodePoint(...points, next);
}
