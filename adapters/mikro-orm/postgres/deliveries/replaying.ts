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
  readonly ahead: number;
  readonly made: number;
  readonly unfinished: number;
  readonly dead: number;
}

/** `startReplay` joins the open transaction, so that tables can be emptied in the same. */
export function replaying({ schema, query, apart, inTransaction }: Database): Replaying {
  const selectReplays = /* sql */ `
select replays.id, handlers.name as handler, reason, ${milliseconds('started_at')} as started_ms, ahead, made,
  open.unfinished, open.dead
from ${schema}.replays
  join ${schema}.handlers on handlers.id = replays.handler
  cross join lateral (
    select (count(*) filter (where state <> 'dead'))::int as unfinished, (count(*) filter (where state = 'dead'))::int as dead
      from ${schema}.deliveries
      where deliveries.replay = replays.id and state not in ('done', 'skipped')
  ) as open`;

  return {
    async startReplay({ handler, after = 0n, reason }) {
      if (!isStorable(handler)) return undefined;
      if (!inTransaction()) await sequence(apart, schema);
      const [started] = await query<{ replay_id: number | null; is_new: boolean | null }>(
        `select replay_id, is_new from ${schema}.start_replay($1::text, $2::bigint, $3::text)`,
        [handler, String(after), reason === undefined ? null : keptText(reason)],
      );
      if (typeof started?.replay_id !== 'number') return undefined;
      const [row] = await query<ReplayRow>(`${selectReplays} where replays.id = $1::int`, [
        started.replay_id,
      ]);
      return row && { ...toReplay(row), resumed: started.is_new !== true };
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

function toReplay({ id, handler, reason, started_ms: startedAt, ...row }: ReplayRow): Replay {
  return {
    id,
    handler,
    reason: reason ?? undefined,
    startedAt: new Date(startedAt),
    total: row.ahead + row.made,
    done: row.made - row.unfinished - row.dead,
    dead: row.dead,
  };
}
