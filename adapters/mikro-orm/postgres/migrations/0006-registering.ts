import { channelOf } from '../deliveries/channel.js';
import type { Migration } from './migration.js';
import { pastEvents } from './past-events.js';

const walk = { types: 'target.types', after: 'target.backfilled_to', until: 'target.backfill_until' };

export const registering: Migration = {
  statements: (schema, locks) => /* sql */ `
-- Of [{"name", "types", "attempts", "starts_from", "ordered"}, …]. What a handler has open when it becomes ordered waits
-- for keys, which are told when what runs then has ended; what it has open when it is ordered no more runs in any order.
create function ${schema}.register(p_handlers json) returns void language plpgsql as $function$
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
    exit when ${schema}.move_and_tell(1000) < 1000;
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

-- Creates deliveries of the next p_limit events of the past for one handler; says how many.
-- Null when no handler has any to come, or somebody else is at each.
create function ${schema}.backfill(p_limit int) returns int language plpgsql as $function$
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
    ${pastEvents(schema, walk)}
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
`,
};
