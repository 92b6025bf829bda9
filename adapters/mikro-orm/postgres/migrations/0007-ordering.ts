import { channelOf } from '../deliveries/channel.js';
import { keys } from './0007-keys.js';
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
-- The promise itself: of a key never two at once, whatever goes wrong.
create unique index deliveries_active_key_idx on ${schema}.deliveries (handler, order_key)
  where order_key is not null and state in ('due', 'waiting', 'queued', 'running');

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
-- for keys, which are told when what runs then has ended; what it has open when it is ordered no more runs in any order.
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

  -- Before their deliveries, as who tells keys does.
  perform from ${schema}.handlers
    where name in (select name from json_to_recordset(p_handlers) as given (name text collate "C"))
    order by id for update;

  update ${schema}.deliveries as delivery
    set state = case when becomes_ordered then 'unkeyed' when state = 'waiting' then 'waiting' else 'due' end,
      order_key = null,
      is_waited_for = false,
      due_at = coalesce(due_at, clock_timestamp()),
      leased_until = null,
      worker = null
    from (
      select position as place, handler as target, given.ordered as becomes_ordered
        from json_to_recordset(p_handlers) as given (name text collate "C", ordered boolean)
          join ${schema}.handlers using (name)
          join ${schema}.deliveries as open on open.handler = handlers.id
        where handlers.ordered <> given.ordered
          and open.state in ('due', 'waiting', 'queued', 'unkeyed', 'blocked')
        order by position, handler
        for update of open
    ) as changed
    where delivery.position = place and delivery.handler = target;

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

  with past as materialized (
    select * from (
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
    ) as candidates
    order by position limit p_limit
  ), delivery as (
    -- A replay may have made some of them.
    insert into ${schema}.deliveries (position, seq, handler, state, due_at)
      select position, seq, target.id, case when target.ordered then 'unkeyed' else 'due' end, clock_timestamp()
        from past
      on conflict (position, handler) do nothing
  )
  select count(*), max(position) into created, reached from past;

  update ${schema}.handlers
    set backfilled_to = case when created < p_limit then backfill_until else reached end
    where id = target.id;
  if created > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return created;
end
$function$;

${keys(schema)}
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
  end if;
  if skipped > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return skipped;
end
$function$;
`,
};
