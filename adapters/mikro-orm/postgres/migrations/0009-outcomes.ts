import { channelOf } from '../deliveries/channel.js';
import type { Migration } from './migration.js';

/** Of the rows of a call's leases. Found by their places, in one order, so that two calls cannot wait for each other. */
const isHeld = 'position = any (p_positions) and handler = any (p_handlers) and fence = any (p_fences)';

export const outcomes: Migration = {
  statements: (schema) => /* sql */ `
-- States are variables here on purpose: told in words, they make the planner read all that runs, once for each lease.

-- Those of p_positions that p_fences still hold are done. Gives back their fences.
create function ${schema}.complete(p_positions bigint[], p_handlers int[], p_fences bigint[])
  returns bigint[] language plpgsql as $function$
declare
  running constant text := 'running';
  held bigint[];
  ended_handlers int[];
  ended_keys text[];
begin
  with finished as (
    update ${schema}.deliveries
      set state = 'done', finished_at = clock_timestamp(), leased_until = null, worker = null
      where ${isHeld} and state = running
      returning fence, handler, order_key, is_waited_for
  )
  select array_agg(fence), array_agg(handler) filter (where is_waited_for), array_agg(order_key) filter (where is_waited_for)
    into held, ended_handlers, ended_keys
    from finished;
  -- In a statement of its own, which sees what has been blocked meanwhile.
  if ended_handlers is not null then
    perform ${schema}.unblock(ended_handlers, ended_keys);
  end if;
  return held;
end
$function$;

-- p_delays: milliseconds until the next attempt; null: none. p_uncounted: attempts to be given back. What was begun before
-- its handler became ordered waits for its key with the others.
create function ${schema}.fail(
  p_positions bigint[], p_handlers int[], p_fences bigint[], p_delays float8[], p_uncounted int[], p_errors text[]
) returns bigint[] language plpgsql as $function$
declare
  running constant text := 'running';
  clock timestamptz := clock_timestamp();
  held bigint[];
begin
  with failed as (
    update ${schema}.deliveries as delivery
      set state = case
          when delay is null then 'dead'
          when ${schema}.lacks_key(delivery) then 'unkeyed'
          when delay <= 0 then 'due'
          else 'waiting'
        end,
        attempt = delivery.attempt - uncounted,
        due_at = clock + make_interval(secs => delay / 1000),
        finished_at = case when delay is null then clock end,
        first_error = coalesce(delivery.first_error, error::json),
        last_error = error::json,
        leased_until = null,
        worker = null
      from (
        select * from unnest(p_positions, p_handlers, p_fences, p_delays, p_uncounted, p_errors)
          as given (place, target, lease, delay, uncounted, error)
          order by place, target
      ) as report
      where position = place and handler = target and fence = lease and state = running
      returning delivery.fence
  )
  select array_agg(fence) into held from failed;
  return held;
end
$function$;

-- A row that another transaction has locked is just being completed: it is left alone, and counts as held.
create function ${schema}.renew(
  p_positions bigint[], p_handlers int[], p_fences bigint[], p_lease_ms float8
)
  returns bigint[] language plpgsql as $function$
declare
  leased constant text[] := '{queued,running}';
begin
  update ${schema}.deliveries as delivery
    set leased_until = clock_timestamp() + make_interval(secs => p_lease_ms / 1000)
    from (
      select position as place, handler as target from ${schema}.deliveries
        where ${isHeld} and state = any (leased)
        order by position, handler
        for update skip locked
    ) as free
    where position = place and handler = target;
  return array(select fence from ${schema}.deliveries where ${isHeld} and state = any (leased));
end
$function$;

-- Due at once, the attempt not counted.
create function ${schema}.release(p_positions bigint[], p_handlers int[], p_fences bigint[])
  returns void language plpgsql as $function$
declare
  leased constant text[] := '{queued,running}';
begin
  update ${schema}.deliveries as delivery
    set state = case when ${schema}.lacks_key(delivery) then 'unkeyed' else 'due' end,
      attempt = attempt - case state when 'running' then 1 else 0 end,
      due_at = clock_timestamp(),
      leased_until = null,
      worker = null
    where ${isHeld} and state = any (leased);
  if found then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
end
$function$;

-- Dead deliveries of a handler, of an event, or of both; null: of all.
create function ${schema}.skip(p_handler text, p_event text, p_reason text) returns int language plpgsql as $function$
declare
  skipped int;
  ended_handlers int[];
  ended_keys text[];
begin
  with passed_over as (
    update ${schema}.deliveries as delivery
      set state = 'skipped', reason = p_reason, finished_at = clock_timestamp()
      where state = 'dead'
        and (p_handler is null or handler = (select id from ${schema}.handlers where name = p_handler))
        and (p_event is null or position = (
          select log.position from ${schema}.log join ${schema}.events using (seq) where events.id = p_event
        ))
      returning delivery.handler, delivery.order_key, delivery.is_waited_for
  )
  select count(*), array_agg(handler) filter (where is_waited_for), array_agg(order_key) filter (where is_waited_for)
    into skipped, ended_handlers, ended_keys
    from passed_over;
  if ended_handlers is not null then
    perform ${schema}.unblock(ended_handlers, ended_keys);
  end if;
  if skipped > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return skipped;
end
$function$;
`,
};
