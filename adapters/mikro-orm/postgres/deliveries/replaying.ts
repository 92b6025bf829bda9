import type { DeliveryLog, Replay } from '../../../../src/index.js';
import type { Database } from '../database.js';
import { milliseconds } from '../event-row.js';
import { isStorable } from '../parameters.js';
import { sequence } from '../sequence.js';
import { keptText } from './kept-error.js';

type Replaying = Pick<DeliveryLog, 'startReplay' | 'replays'>;

interface ReplayRow {
  readonly id: number;
  readonly handler: string;
  readonly reason: string | null;
  readonly started_ms: number;
  readonly total: number;
  readonly ahead: number;
  readonly unfinished: number;
  readonly dead: number;
}

export function replaying({ schema, query, apart }: Database): Replaying {
  /** What is ahead has no deliveries of this replay yet. */
  const selectReplays = /* sql */ `
select replays.id, handlers.name as handler, reason, ${milliseconds('started_at')} as started_ms, total,
  case when reached < until then (
    select count(*)::int from ${schema}.log
      where log.position > reached and log.position <= until
        and (handlers.types is null or log.type = any (handlers.types))
  ) else 0 end as ahead,
  coalesce(open.unfinished, 0) as unfinished, coalesce(open.dead, 0) as dead
from ${schema}.replays
  join ${schema}.handlers on handlers.id = replays.handler
  left join lateral (
    select (count(*) filter (where state <> 'dead'))::int as unfinished, (count(*) filter (where state = 'dead'))::int as dead
      from ${schema}.deliveries
      where deliveries.replay = replays.id and state not in ('done', 'skipped')
  ) as open on true`;

  return {
    async startReplay({ handler, after = 0n, reason }) {
      if (!isStorable(handler)) return undefined;
      await sequence(apart, schema);
      const [started] = await apart<{ id: number | null }>(
        `select ${schema}.start_replay($1::text, $2::bigint, $3::text) as id`,
        [handler, String(after), reason === undefined ? null : keptText(reason)],
      );
      if (typeof started?.id !== 'number') return undefined;
      const [row] = await apart<ReplayRow>(`${selectReplays} where replays.id = $1::int`, [started.id]);
      return row && toReplay(row);
    },

    async replays(handler) {
      if (handler !== undefined && !isStorable(handler)) return [];
      const rows = await query<ReplayRow>(
        `${selectReplays} where $1::text is null or handlers.name = $1 order by replays.id desc`,
        [handler ?? null],
      );
      return rows.map(toReplay);
    },
  };
}

function toReplay(row: ReplayRow): Replay {
  return {
    id: row.id,
    handler: row.handler,
    reason: row.reason ?? undefined,
    startedAt: new Date(row.started_ms),
    total: row.total,
    done: row.total - row.ahead - row.unfinished - row.dead,
    dead: row.dead,
  };
}
