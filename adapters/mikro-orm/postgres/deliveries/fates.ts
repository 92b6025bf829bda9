import type { DeadLetterTarget, DeliveryFate, DeliveryLog, DeliveryState } from '../../../../src/index.js';
import type { Database } from '../database.js';
import { milliseconds } from '../event-row.js';
import { isStorable } from '../parameters.js';
import { channelOf } from './channel.js';
import { keptText, parseError } from './kept-error.js';

type Fates = Pick<DeliveryLog, 'deadLetters' | 'fatesOf' | 'nextDueIn' | 'retry' | 'skip'>;

interface FateRow {
  readonly event_id: string;
  readonly handler_name: string;
  readonly public_state: DeliveryState;
  readonly attempt: number;
  readonly due_ms: number | null;
  readonly leased_until_ms: number | null;
  readonly finished_ms: number | null;
  readonly worker: string | null;
  readonly first_error_json: string | null;
  readonly last_error_json: string | null;
  readonly reason: string | null;
  readonly order_key: string | null;
  readonly waits_for: string | null;
}

/** `retry` and `skip` join the open transaction, so that a note of who did it can be made in the same. */
export function fates(database: Database): Fates {
  const { schema, query } = database;

  const selectFates = /* sql */ `
select events.id as event_id, handlers.name as handler_name,
  case when state in ('due', 'waiting', 'unkeyed', 'blocked') then 'pending' else state end as public_state,
  attempt, ${milliseconds('due_at')} as due_ms, ${milliseconds('leased_until')} as leased_until_ms,
  ${milliseconds('finished_at')} as finished_ms, worker,
  first_error::text as first_error_json, last_error::text as last_error_json, reason, order_key,
  case when state = 'blocked' then coalesce((
    select ahead.id from ${schema}.deliveries as active join ${schema}.events as ahead using (seq)
      where active.handler = deliveries.handler and active.order_key = deliveries.order_key
        and active.state in ('due', 'waiting', 'queued', 'running')
  ), (
    select ahead.id from ${schema}.deliveries as earlier join ${schema}.events as ahead using (seq)
      where earlier.handler = deliveries.handler and earlier.order_key = deliveries.order_key
        and earlier.state not in ('done', 'skipped')
      order by earlier.position limit 1
  )) end as waits_for
from ${schema}.deliveries
  join ${schema}.handlers on handlers.id = deliveries.handler
  join ${schema}.events using (seq)`;

  const positionOf = (id: string) =>
    `(select log.position from ${schema}.log join ${schema}.events using (seq) where events.id = ${id})`;

  /** @param handler $1, or null @param eventId $2, or null */
  const isMeant = /* sql */ `state = 'dead'
  and ($1::text is null or deliveries.handler = (select id from ${schema}.handlers where name = $1))
  and ($2::text is null or deliveries.position = ${positionOf('$2')})`;

  /** For each handler of $1 one that may run already, and the next of those that may not yet. */
  const selectNextDue = /* sql */ `
select (extract(epoch from min(next.due_at) - clock_timestamp()) * 1000)::float8 as in_ms
from ${schema}.handlers cross join lateral (
  (select due_at from ${schema}.deliveries
    where handler = handlers.id and turn is not null order by turn limit 1)
  union all
  (select due_at from ${schema}.deliveries
    where handler = handlers.id and state = 'waiting' order by due_at limit 1)
) as next
where handlers.name = any ($1::text[])`;

  /**
   * Of an ordered handler it takes its place within its key anew: others may have it, or come before it. Its key stays,
   * for others wait behind it; but not while history is made due, after which all of them get their keys again.
   */
  const retryDead = /* sql */ `
update ${schema}.deliveries
set attempt = 0, due_at = clock_timestamp(), finished_at = null,
  state = case when is_ordered then 'unkeyed' else 'due' end,
  order_key = case when is_ordered and is_filled then order_key end
from (
  select position as place, handler as target, ordered as is_ordered, ${schema}.is_filled(handlers) as is_filled
    from ${schema}.deliveries join ${schema}.handlers on handlers.id = handler
    where ${isMeant}
) as letter
where position = place and handler = target and state = 'dead' returning 1`;

  return {
    async nextDueIn(handlers) {
      const [row] = await query<{ in_ms: number | null }>(selectNextDue, [handlers.filter(isStorable)]);
      return typeof row?.in_ms === 'number' ? Math.max(0, Math.ceil(row.in_ms)) : undefined;
    },

    async deadLetters(wish) {
      const meant = meaning(wish);
      if (meant === undefined) return [];
      const rows = await query<FateRow>(
        `${selectFates} where ${isMeant} order by finished_at desc, position desc limit $3::bigint`,
        [...meant, wish.limit],
      );
      return rows.map(toFate);
    },

    async retry(target) {
      const meant = meaning(target);
      if (meant === undefined) return 0;
      const retried = await query(retryDead, meant);
      if (retried.length > 0) await query('select pg_notify($1, $2)', [channelOf(schema), '']);
      return retried.length;
    },

    async skip(target, reason) {
      const meant = meaning(target);
      if (meant === undefined) return 0;
      const [row] = await query<{ skipped: number }>(
        `select ${schema}.skip($1::text, $2::text, $3::text) as skipped`,
        [...meant, keptText(reason)],
      );
      return row?.skipped ?? 0;
    },

    async fatesOf(eventId) {
      if (!isStorable(eventId)) return [];
      const rows = await query<FateRow>(
        `${selectFates} where deliveries.position = ${positionOf('$1')} order by handlers.name`,
        [eventId],
      );
      return rows.map(toFate);
    },
  };
}

/** `undefined`: no delivery can be meant. */
function meaning({ handler, eventId }: DeadLetterTarget): readonly (string | null)[] | undefined {
  const meant = [handler, eventId];
  return meant.some((each) => each !== undefined && !isStorable(each))
    ? undefined
    : meant.map((each) => each ?? null);
}

function toFate(row: FateRow): DeliveryFate {
  return {
    eventId: row.event_id,
    handler: row.handler_name,
    state: row.public_state,
    attempt: row.attempt,
    dueAt: toDate(row.due_ms),
    leasedUntil: toDate(row.leased_until_ms),
    worker: row.worker ?? undefined,
    finishedAt: toDate(row.finished_ms),
    firstError: parseError(row.first_error_json),
    lastError: parseError(row.last_error_json),
    reason: row.reason ?? undefined,
    key: row.order_key ?? undefined,
    waitsFor: row.waits_for ?? undefined,
  };
}

function toDate(time: number | null): Date | undefined {
  return time === null ? undefined : new Date(time);
}
