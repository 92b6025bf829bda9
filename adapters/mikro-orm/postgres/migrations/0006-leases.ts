import { channelOf } from '../deliveries/channel.js';
import { lockedLeases } from './locked-leases.js';
import type { Migration } from './migration.js';

export const leases: Migration = {
  statements: (schema) => /* sql */ `
-- Leases up to p_limit due deliveries, oldest events first, of each handler as many as p_limits says.
create function ${schema}.claim(p_names text[], p_limits int[], p_limit int, p_worker text, p_lease_ms float8)
  returns table (
    handler_id int, handler text, "position" bigint, attempt int, fence bigint, event ${schema}.events
  ) rows 20 language plpgsql as $function$
#variable_conflict use_column
declare
  clock timestamptz := clock_timestamp();
begin
  -- What is still leased though the lease is over was held by a worker that has died; at its last attempt perhaps of it.
  update ${schema}.deliveries as delivery
    set state = case when spent then 'dead' else 'due' end,
      due_at = case when not spent then clock end,
      finished_at = case when spent then clock end,
      first_error = case when spent then coalesce(first_error, error) else first_error end,
      last_error = case when spent then error else last_error end,
      leased_until = null,
      worker = null
    from (
      select abandoned.*, json_build_object(
          'name', 'LeaseExpired',
          'message', format(
            'Worker %s neither completed nor failed attempt %s of %s within its lease.', held_by, tried, attempts
          )
        ) as error
        from ${schema}.handlers cross join lateral (
          select position as place, handler as target, worker as held_by, attempt as tried, attempt >= attempts as spent
            from ${schema}.deliveries
            where handler = handlers.id and state = 'running' and leased_until <= clock
            order by leased_until limit 1000
            for update skip locked
        ) as abandoned
        where handlers.name = any (p_names)
    ) as lost
    where delivery.position = place and delivery.handler = target;

  update ${schema}.deliveries as delivery set state = 'due'
    from ${schema}.handlers cross join lateral (
      select position as place, handler as target from ${schema}.deliveries
        where handler = handlers.id and state = 'waiting' and due_at <= clock
        order by due_at limit 1000
        for update skip locked
    ) as ripe
    where handlers.name = any (p_names) and delivery.position = place and delivery.handler = target;

  return query
    -- Shares are counted without locks, so that each row that is locked is taken.
    with wanted as (
      select id, name, least(most, p_limit) as most
        from unnest(p_names, p_limits) as asked (name, most) join ${schema}.handlers using (name)
    ), share as (
      select id, count(*) as size
        from (
          select id from wanted cross join lateral (
            select turn from ${schema}.deliveries
              where handler = wanted.id and turn is not null
              order by turn limit wanted.most
          ) as due
          order by turn limit p_limit
        ) as oldest
        group by id
    ), taken as (
      select due.* from share cross join lateral (
        select position as place, handler as target from ${schema}.deliveries
          where handler = share.id and turn is not null
          order by turn limit share.size
          for update skip locked
      ) as due
    ), leased as (
      update ${schema}.deliveries as delivery
        set state = 'running',
          attempt = attempt + 1,
          fence = nextval('${schema}.deliveries_fence'),
          worker = p_worker,
          leased_until = clock + make_interval(secs => p_lease_ms / 1000),
          due_at = null
        from taken join wanted on wanted.id = target
        where delivery.position = place and delivery.handler = target
        returning wanted.id, wanted.name, delivery.position as place, seq, attempt, fence
    )
    -- The event is taken here and not around the function: a statement around it sees only what had committed before
    -- it began, and an event that is leased without being found would wait for its lease to end.
    select leased.id, leased.name, leased.place, leased.attempt, leased.fence, found
      from leased join ${schema}.events as found on found.seq = leased.seq;
end
$function$;

-- Leases come as their columns, one array each. Functions give the fences of those that still held. They lock rows in
-- one order, so that two calls cannot wait for each other.

create function ${schema}.complete(p_positions bigint[], p_handlers int[], p_fences bigint[]) returns bigint[]
  language plpgsql as $function$
declare
  held bigint[];
begin
  with lease as (
    ${lockedLeases(schema)}
  ), finished as (
    update ${schema}.deliveries as delivery
      set state = 'done', finished_at = clock_timestamp(), leased_until = null, worker = null
      from lease
      where delivery.position = lease.position and delivery.handler = lease.handler
      returning delivery.fence
  )
  select array_agg(fence) into held from finished;
  return held;
end
$function$;

-- p_delays: milliseconds until the next attempt; null: none. p_uncounted: attempts to be given back.
create function ${schema}.fail(
  p_positions bigint[], p_handlers int[], p_fences bigint[], p_delays float8[], p_uncounted int[], p_errors text[]
) returns bigint[] language plpgsql as $function$
declare
  clock timestamptz := clock_timestamp();
  held bigint[];
begin
  with lease as (
    ${lockedLeases(schema)}
  ), failed as (
    update ${schema}.deliveries as delivery
      set state = case when delay is null then 'dead' when delay <= 0 then 'due' else 'waiting' end,
        attempt = delivery.attempt - uncounted,
        due_at = clock + make_interval(secs => delay / 1000),
        finished_at = case when delay is null then clock end,
        first_error = coalesce(delivery.first_error, error::json),
        last_error = error::json,
        leased_until = null,
        worker = null
      from lease join unnest(p_fences, p_delays, p_uncounted, p_errors)
        as report (fence, delay, uncounted, error) using (fence)
      where delivery.position = lease.position and delivery.handler = lease.handler
      returning delivery.fence
  )
  select array_agg(fence) into held from failed;
  return held;
end
$function$;

-- A row that another transaction has locked is just being completed: it is left alone, and counts as held.
create function ${schema}.renew(p_positions bigint[], p_handlers int[], p_fences bigint[], p_lease_ms float8)
  returns bigint[] language plpgsql as $function$
begin
  update ${schema}.deliveries as delivery
    set leased_until = clock_timestamp() + make_interval(secs => p_lease_ms / 1000)
    from (${lockedLeases(schema)} skip locked) as lease
    where delivery.position = lease.position and delivery.handler = lease.handler;
  return array(
    select fence from unnest(p_positions, p_handlers, p_fences) as given (position, handler, fence)
      join ${schema}.deliveries using (position, handler, fence)
      where state = 'running'
  );
end
$function$;

create function ${schema}.release(p_positions bigint[], p_handlers int[], p_fences bigint[]) returns void
  language plpgsql as $function$
begin
  update ${schema}.deliveries as delivery
    set state = 'due', attempt = attempt - 1, due_at = clock_timestamp(), leased_until = null, worker = null
    from (${lockedLeases(schema)}) as lease
    where delivery.position = lease.position and delivery.handler = lease.handler;
  if found then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
end
$function$;
`,
};
