import type { QuotedSchema } from '../schema-name.js';
import type { Migration } from './migration.js';

export const leasing: Migration = {
  statements: (schema) => /* sql */ `
-- Whether there is anything to recover(), which costs several times as much.
create function ${schema}.is_recoverable(p_names text[], p_clock timestamptz) returns boolean
  language plpgsql as $function$
begin
  return exists (
    select from ${schema}.handlers cross join lateral (
      (select from ${schema}.deliveries
        where handler = handlers.id and state = 'running' and leased_until <= p_clock limit 1)
      union all
      (select from ${schema}.deliveries
        where handler = handlers.id and state = 'queued' and leased_until <= p_clock limit 1)
      union all
      (select from ${schema}.deliveries
        where handler = handlers.id and state = 'waiting' and due_at <= p_clock limit 1)
    ) as overdue
    where handlers.name = any (p_names)
  );
end
$function$;

-- Makes due what has waited long enough, and what those have lost who held it.
create function ${schema}.recover(p_names text[], p_clock timestamptz) returns void language plpgsql as $function$
begin
  -- What is still running though the lease is over was held by a worker that has died; at its last attempt perhaps of it.
  update ${schema}.deliveries as delivery
    set state = case when spent then 'dead' when ${schema}.lacks_key(delivery) then 'unkeyed' else 'due' end,
      due_at = case when not spent then p_clock end,
      finished_at = case when spent then p_clock end,
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
            where handler = handlers.id and state = 'running' and leased_until <= p_clock
            order by leased_until limit 1000
            for update skip locked
        ) as abandoned
        where handlers.name = any (p_names)
    ) as lost
    where delivery.position = place and delivery.handler = target;

  update ${schema}.deliveries as delivery set state = 'due', due_at = p_clock, leased_until = null, worker = null
    from ${schema}.handlers cross join lateral (
      select position as place, handler as target from ${schema}.deliveries
        where handler = handlers.id and state = 'queued' and leased_until <= p_clock
        order by leased_until limit 1000
        for update skip locked
    ) as forgotten
    where handlers.name = any (p_names) and delivery.position = place and delivery.handler = target;

  update ${schema}.deliveries as delivery
    set state = case when ${schema}.lacks_key(delivery) then 'unkeyed' else 'due' end
    from ${schema}.handlers cross join lateral (
      select position as place, handler as target from ${schema}.deliveries
        where handler = handlers.id and state = 'waiting' and due_at <= p_clock
        order by due_at limit 1000
        for update skip locked
    ) as ripe
    where handlers.name = any (p_names) and delivery.position = place and delivery.handler = target;
end
$function$;

-- Leases up to p_limit due deliveries, oldest events first, of each handler as many as p_limits says.
create function ${schema}.claim(
  p_names text[], p_limits int[], p_limit int, p_worker text, p_lease_ms float8
)
  returns table (
    handler_id int, handler text, "position" bigint, attempt int, fence bigint, is_replay boolean,
    event ${schema}.events
  ) rows 20 language plpgsql as $function$
#variable_conflict use_column
declare
  clock timestamptz := clock_timestamp();
  share record;
  places bigint[];
begin
  if ${schema}.is_recoverable(p_names, clock) then
    perform ${schema}.recover(p_names, clock);
  end if;

  for share in
    with wanted as (
      select id, name, least(most, p_limit) as most
        from unnest(p_names, p_limits) as asked (name, most) join ${schema}.handlers using (name)
    )
    ${oldestDue(schema)}
  loop
    places := ${lockedPlaces(schema)};
    return query
      with leased as (
        update ${schema}.deliveries
          set state = 'running',
            attempt = attempt + 1,
            fence = nextval('${schema}.deliveries_fence'),
            worker = p_worker,
            leased_until = clock + make_interval(secs => p_lease_ms / 1000),
            due_at = null
          where position = any (places) and handler = share.id
          returning position, seq, attempt, fence, replay
      )
      -- The event is taken here and not around the function: a statement around it sees only what had committed before
      -- it began, and an event that is leased without being found would wait for its lease to end.
      select share.id, share.name, leased.position, leased.attempt, leased.fence, leased.replay is not null,
          (select stored from ${schema}.events as stored where stored.seq = leased.seq)
        from leased;
  end loop;
end
$function$;

-- Leases due deliveries to a scheduler, where of each handler at most p_most_waiting wait already.
create function ${schema}.hand_over(
  p_names text[], p_limits int[], p_limit int, p_scheduler text, p_lease_ms float8, p_most_waiting int
)
  returns table (handler_id int, handler text, "position" bigint, fence bigint, event_id text)
  rows 20 language plpgsql as $function$
#variable_conflict use_column
declare
  clock timestamptz := clock_timestamp();
  share record;
  places bigint[];
begin
  if ${schema}.is_recoverable(p_names, clock) then
    perform ${schema}.recover(p_names, clock);
  end if;

  for share in
    with wanted as (
      select id, name, least(most, p_limit, greatest(0, p_most_waiting - waiting.size)) as most
        from unnest(p_names, p_limits) as asked (name, most) join ${schema}.handlers using (name)
          cross join lateral (
            select count(*)::int as size from (
              select from ${schema}.deliveries where handler = handlers.id and state = 'queued' limit p_most_waiting
            ) as handed
          ) as waiting
    )
    ${oldestDue(schema)}
  loop
    places := ${lockedPlaces(schema)};
    return query
      with leased as (
        update ${schema}.deliveries
          set state = 'queued',
            fence = nextval('${schema}.deliveries_fence'),
            worker = p_scheduler,
            leased_until = clock + make_interval(secs => p_lease_ms / 1000),
            due_at = null
          where position = any (places) and handler = share.id
          returning position, seq, fence
      )
      select share.id, share.name, leased.position, leased.fence,
          (select id from ${schema}.events where events.seq = leased.seq)
        from leased;
  end loop;
end
$function$;

-- The lease of a scheduler becomes that of a worker.
create function ${schema}.take(
  p_positions bigint[], p_handlers int[], p_fences bigint[], p_worker text, p_lease_ms float8
)
  returns table (
    handler_id int, handler text, "position" bigint, attempt int, fence bigint, is_replay boolean,
    event ${schema}.events
  ) rows 20 language plpgsql as $function$
#variable_conflict use_column
declare
  queued constant text := 'queued';
begin
  return query
    with leased as (
      update ${schema}.deliveries
        set state = 'running',
          attempt = attempt + 1,
          fence = nextval('${schema}.deliveries_fence'),
          worker = p_worker,
          leased_until = clock_timestamp() + make_interval(secs => p_lease_ms / 1000)
        where position = any (p_positions) and handler = any (p_handlers) and fence = any (p_fences)
          and state = queued
        returning handler, position as place, seq, attempt, fence, replay
    )
    select leased.handler, handlers.name, leased.place, leased.attempt, leased.fence, leased.replay is not null, found
      from leased
        join ${schema}.handlers on handlers.id = leased.handler
        join ${schema}.events as found on found.seq = leased.seq;
end
$function$;
`,
};

/**
 * From `wanted` (id, name, most), how many of each handler are among the p_limit oldest that are due. Counted without
 * locks, so that each row that is locked is taken.
 */
function oldestDue(schema: QuotedSchema): string {
  return /* sql */ `select id, name, count(*) as size
      from (
        select id, name from wanted cross join lateral (
          select turn from ${schema}.deliveries
            where handler = wanted.id and turn is not null
            order by turn limit wanted.most
        ) as due
        order by turn limit p_limit
      ) as oldest
      group by id, name`;
}

function lockedPlaces(schema: QuotedSchema): string {
  return /* sql */ `array(
      select position from ${schema}.deliveries
        where handler = share.id and turn is not null
        order by turn limit share.size
        for update skip locked
    )`;
}
