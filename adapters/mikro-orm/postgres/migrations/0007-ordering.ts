import { channelOf } from '../deliveries/channel.js';
import { lockedLeases } from './locked-leases.js';
import type { Migration } from './migration.js';

export const ordering: Migration = {
  statements: (schema, locks) => /* sql */ `
alter table ${schema}.handlers add column ordered boolean not null default false;

-- Further states, of ordered handlers: unkeyed (nobody has told its key yet), blocked (behind another of its key).
alter table ${schema}.deliveries
  add column order_key text collate "C",
  add column is_waited_for boolean not null default false; -- another of its key may be blocked behind it

create index deliveries_unkeyed_idx on ${schema}.deliveries (handler, position) where state = 'unkeyed';
create index deliveries_order_idx on ${schema}.deliveries (handler, order_key, position)
  where order_key is not null and state not in ('done', 'skipped');

create or replace function ${schema}.move(p_limit int) returns int language plpgsql as $function$
declare
  moved int;
  created int;
begin
  with taken as (
    delete from ${schema}.outbox
      where seq in (select seq from ${schema}.outbox order by seq limit p_limit)
      returning seq
  ), logged as (
    insert into ${schema}.log (position, seq, type)
      select nextval('${schema}.log_position'), seq, type
        from (select seq, type from taken join ${schema}.events using (seq) order by seq) as batch
      returning position, seq, type
  ), wanted as (
    select logged.position, logged.seq, listening.id as handler, listening.ordered
      from logged join (
        select distinct handlers.id, handlers.ordered, listed.type
          from ${schema}.handlers cross join unnest(handlers.types) as listed (type)
      ) as listening using (type)
    union all
    select logged.position, logged.seq, handlers.id, handlers.ordered
      from logged cross join ${schema}.handlers where handlers.types is null
  ), delivery as (
    insert into ${schema}.deliveries (position, seq, handler, state, due_at)
      select position, seq, handler, case when ordered then 'unkeyed' else 'due' end, clock_timestamp() from wanted
      returning 1
  )
  select (select count(*) from logged), (select count(*) from delivery) into moved, created;

  if created > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return moved;
end
$function$;

-- Of [{"name", "types", "attempts", "starts_from", "ordered"}, …]. What a handler has open when it becomes ordered waits
-- for keys; what it has open when it is ordered no more runs in any order.
create or replace function ${schema}.register(p_handlers json) returns void language plpgsql as $function$
begin
  if not exists (
    select from json_to_recordset(p_handlers)
        as given (name text collate "C", types text[] collate "C", attempts int, ordered boolean)
      left join ${schema}.handlers using (name)
      where handlers.id is null
        or handlers.types is distinct from given.types
        or handlers.attempts <> given.attempts
        or handlers.ordered <> given.ordered
  ) then
    return;
  end if;

  perform pg_advisory_xact_lock(${locks.sequencer});
  loop
    exit when ${schema}.move(1000) < 1000;
  end loop;

  update ${schema}.deliveries
    set state = case when given.ordered then 'unkeyed' when state = 'waiting' then 'waiting' else 'due' end,
      order_key = null,
      is_waited_for = false,
      leased_until = null,
      worker = null
    from json_to_recordset(p_handlers) as given (name text collate "C", ordered boolean)
      join ${schema}.handlers using (name)
    where deliveries.handler = handlers.id and handlers.ordered <> given.ordered
      and deliveries.state in ('due', 'waiting', 'queued', 'unkeyed', 'blocked');

  insert into ${schema}.handlers (name, types, attempts, ordered, starts_from, backfilled_to, backfill_until)
    select distinct on (name) name, types, attempts, ordered, starts_from, 0,
        case starts_from when 'beginning' then (select coalesce(max(position), 0) from ${schema}.log) else 0 end
      from rows from (json_to_recordset(p_handlers) as (
        name text, types text[], attempts int, starts_from text, ordered boolean
      )) with ordinality as given (name, types, attempts, starts_from, ordered, nth)
      order by name, nth desc
    on conflict (name) do update
      set types = excluded.types, attempts = excluded.attempts, ordered = excluded.ordered;
end
$function$;

create or replace function ${schema}.backfill(p_limit int) returns int language plpgsql as $function$
declare
  target record;
  created int;
  reached bigint;
begin
  select * into target from ${schema}.handlers
    where backfilled_to < backfill_until
    order by id limit 1
    for update skip locked;
  if not found then
    return null;
  end if;

  with past as (
    (
      select position, seq from ${schema}.log
        where target.types is null and position > target.backfilled_to and position <= target.backfill_until
        order by position limit p_limit
    )
    union all
    select found.position, found.seq
      from (select distinct unnest(target.types) as type) as listed
      cross join lateral (
        select position, seq from ${schema}.log
          where log.type = listed.type and position > target.backfilled_to and position <= target.backfill_until
          order by position limit p_limit
      ) as found
  ), delivery as (
    insert into ${schema}.deliveries (position, seq, handler, state, due_at)
      select position, seq, target.id, case when target.ordered then 'unkeyed' else 'due' end, clock_timestamp()
        from past order by position limit p_limit
      returning position
  )
  select count(*), max(position) into created, reached from delivery;

  update ${schema}.handlers
    set backfilled_to = case when created < p_limit then backfill_until else reached end
    where id = target.id;
  if created > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return created;
end
$function$;

-- Whether all of the past that a handler gets has its deliveries: keys are told in the order of positions only.
create function ${schema}.is_filled(p_handler ${schema}.handlers) returns boolean stable language sql as $function$
  select p_handler.backfilled_to >= p_handler.backfill_until
$function$;

-- Tells keys of one handler, by ascending positions; an error in place of a key ends the delivery. Does nothing where
-- earlier deliveries of the handler have no key yet.
create function ${schema}.assign_keys(p_handler int, p_positions bigint[], p_keys text[], p_errors text[])
  returns void language plpgsql as $function$
declare
  clock timestamptz := clock_timestamp();
  given record;
  is_behind boolean;
begin
  -- One at a time for each handler; whoever makes deliveries of the past has the same row.
  perform from ${schema}.handlers where id = p_handler and ${schema}.is_filled(handlers) for update;
  if not found or exists (
    select from ${schema}.deliveries
      where handler = p_handler and state = 'unkeyed' and position < (select min(one) from unnest(p_positions) as one)
  ) then
    return;
  end if;

  for given in
    select * from unnest(p_positions, p_keys, p_errors) as assignment (place, key, error) order by place
  loop
    -- Changed and not only locked: whoever completes it at this moment learns that it is waited for, or has completed.
    update ${schema}.deliveries set is_waited_for = true
      where handler = p_handler and state not in ('done', 'skipped') and position = (
        select position from ${schema}.deliveries
          where handler = p_handler and order_key = given.key and state not in ('done', 'skipped')
            and (position < given.place or state in ('queued', 'running'))
          order by position desc limit 1
      );
    is_behind := found;

    update ${schema}.deliveries
      set state = case when given.key is null then 'dead' when is_behind then 'blocked' else 'due' end,
        order_key = given.key,
        due_at = case when given.key is not null then due_at end,
        finished_at = case when given.key is null then clock end,
        first_error = case when given.key is null then coalesce(first_error, given.error::json) else first_error end,
        last_error = case when given.key is null then given.error::json else last_error end
      where position = given.place and handler = p_handler and state = 'unkeyed';
  end loop;
end
$function$;

-- What waits behind deliveries that are over: the next of each key is due.
create function ${schema}.unblock(p_handlers int[], p_keys text[]) returns void language plpgsql as $function$
begin
  update ${schema}.deliveries as delivery
    set state = 'due', due_at = clock_timestamp()
    from (select distinct handler, key from unnest(p_handlers, p_keys) as given (handler, key)) as ended
      cross join lateral (
        select position from ${schema}.deliveries as next
          where next.handler = ended.handler and next.order_key = ended.key and next.state not in ('done', 'skipped')
          order by position limit 1
      ) as head
    where delivery.handler = ended.handler and delivery.position = head.position and delivery.state = 'blocked';
end
$function$;

create or replace function ${schema}.complete(p_positions bigint[], p_handlers int[], p_fences bigint[])
  returns bigint[] language plpgsql as $function$
declare
  held bigint[];
  ended_handlers int[];
  ended_keys text[];
begin
  with lease as (
    ${lockedLeases(schema)}
  ), finished as (
    update ${schema}.deliveries as delivery
      set state = 'done', finished_at = clock_timestamp(), leased_until = null, worker = null
      from lease
      where delivery.position = lease.position and delivery.handler = lease.handler
      returning delivery.fence, delivery.handler, delivery.order_key, delivery.is_waited_for
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
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return skipped;
end
$function$;
`,
};
