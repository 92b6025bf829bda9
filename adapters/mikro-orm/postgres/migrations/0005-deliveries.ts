import { channelOf } from '../deliveries/channel.js';
import type { Migration } from './migration.js';

export const deliveries: Migration = {
  statements: (schema, locks) => /* sql */ `
-- Queued handlers. Known here, so that publishers that never loaded them create their deliveries.
create table ${schema}.handlers (
  id int generated always as identity primary key,
  name text collate "C" not null,
  types text[] collate "C", -- null: all
  attempts int not null,
  starts_from text not null,
  -- The past that it still gets: positions above backfilled_to, up to backfill_until.
  backfilled_to bigint not null,
  backfill_until bigint not null,
  registered_at timestamptz not null default clock_timestamp(),
  constraint handlers_name_key unique (name)
);

-- One event for one handler. Without foreign keys: their checks would lock a row of events for each row written here.
-- Nothing deletes events or handlers; whoever comes to purge events deletes their deliveries in the same transaction.
create table ${schema}.deliveries (
  position bigint not null,
  seq bigint not null,
  handler int not null,
  attempt int not null default 0,
  state text collate "C" not null, -- due, waiting (until due_at), running, done, dead, skipped
  -- Place among those that may run now. Of its own, so that no other index looks fit for finding the oldest.
  turn bigint generated always as (case when state = 'due' then position end) stored,
  due_at timestamptz,
  leased_until timestamptz,
  fence bigint, -- of its last lease, unlike that of any other
  finished_at timestamptz,
  worker text,
  first_error json,
  last_error json,
  reason text,
  primary key (position, handler)
) with (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.05
);

create index deliveries_turn_idx on ${schema}.deliveries (handler, turn) where turn is not null;
create index deliveries_due_at_idx on ${schema}.deliveries (handler, due_at) where state = 'waiting';
create index deliveries_leased_until_idx on ${schema}.deliveries (handler, leased_until) where state = 'running';
create index deliveries_dead_idx on ${schema}.deliveries (finished_at, position) where state = 'dead';

create sequence ${schema}.deliveries_fence as bigint;

-- Moves up to p_limit committed events into the global order, with their deliveries; says how many events.
-- For who holds the lock of the sequencer.
create function ${schema}.move(p_limit int) returns int language plpgsql as $function$
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
    select logged.position, logged.seq, listening.id as handler
      from logged join (
        select distinct handlers.id, listed.type
          from ${schema}.handlers cross join unnest(handlers.types) as listed (type)
      ) as listening using (type)
    union all
    select logged.position, logged.seq, handlers.id
      from logged cross join ${schema}.handlers where handlers.types is null
  ), delivery as (
    insert into ${schema}.deliveries (position, seq, handler, state, due_at)
      select position, seq, handler, 'due', clock_timestamp() from wanted
      returning 1
  )
  select (select count(*) from logged), (select count(*) from delivery) into moved, created;

  if created > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return moved;
end
$function$;

create or replace function ${schema}.sequence(p_limit int) returns int language plpgsql as $function$
begin
  if not exists (select from ${schema}.outbox) then
    return 0;
  end if;
  perform pg_advisory_xact_lock(${locks.sequencer});
  return ${schema}.move(p_limit);
end
$function$;

-- The same for one who need not wait: null when somebody else is at it.
create function ${schema}.try_sequence(p_limit int) returns int language plpgsql as $function$
begin
  if not exists (select from ${schema}.outbox) then
    return 0;
  end if;
  if not pg_try_advisory_xact_lock(${locks.sequencer}) then
    return null;
  end if;
  return ${schema}.move(p_limit);
end
$function$;

-- Makes [{"name", "types", "attempts", "starts_from"}, …] known, or updates types and attempts. Under the lock of the
-- sequencer, so that what is committed before has its position, and what comes after, its deliveries.
create function ${schema}.register(p_handlers json) returns void language plpgsql as $function$
begin
  if not exists (
    select from json_to_recordset(p_handlers)
        as given (name text collate "C", types text[] collate "C", attempts int)
      left join ${schema}.handlers using (name)
      where handlers.id is null
        or handlers.types is distinct from given.types
        or handlers.attempts <> given.attempts
  ) then
    return;
  end if;

  perform pg_advisory_xact_lock(${locks.sequencer});
  loop
    exit when ${schema}.move(1000) < 1000;
  end loop;

  insert into ${schema}.handlers (name, types, attempts, starts_from, backfilled_to, backfill_until)
    select distinct on (name) name, types, attempts, starts_from, 0,
        case starts_from when 'beginning' then (select coalesce(max(position), 0) from ${schema}.log) else 0 end
      from rows from (json_to_recordset(p_handlers) as (
        name text, types text[], attempts int, starts_from text
      )) with ordinality as given (name, types, attempts, starts_from, nth)
      order by name, nth desc
    on conflict (name) do update set types = excluded.types, attempts = excluded.attempts;
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
      select position, seq, target.id, 'due', clock_timestamp() from past order by position limit p_limit
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
`,
};
