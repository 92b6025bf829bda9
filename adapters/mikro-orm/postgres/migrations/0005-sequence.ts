import { channelOf } from '../deliveries/channel.js';
import type { Migration } from './migration.js';

export const sequence: Migration = {
  statements: (schema, locks) => /* sql */ `
-- Takes up to p_limit committed events out of the outbox, and gives them their positions.
create function ${schema}.log_next(p_limit int) returns setof ${schema}.log
  language plpgsql as $function$
begin
  return query
    with taken as (
      delete from ${schema}.outbox
        where seq in (select seq from ${schema}.outbox order by seq limit p_limit)
        returning seq
    )
    insert into ${schema}.log (position, seq, type)
      select nextval('${schema}.log_position'), seq, type
        from (select seq, type from taken join ${schema}.events using (seq) order by seq) as batch
      returning *;
end
$function$;

-- Moves up to p_limit committed events into the global order, with their deliveries; says how many events.
-- For who holds the lock of the sequencer.
create function ${schema}.move(p_limit int) returns int language plpgsql as $function$
declare
  moved int;
begin
  with logged as materialized (
    select * from ${schema}.log_next(p_limit)
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
  )
  select count(*) into moved from logged;
  return moved;
end
$function$;

-- Wakes workers for deliveries above p_reached, unless all of them are leased already.
create function ${schema}.tell_of_rest(p_reached bigint) returns void language plpgsql as $function$
begin
  if exists (select from ${schema}.deliveries where position > p_reached and state not in ('running', 'queued')) then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
end
$function$;

-- For who holds the lock of the sequencer.
create function ${schema}.move_and_tell(p_limit int) returns int language plpgsql as $function$
declare
  reached bigint;
  moved int;
begin
  select coalesce(max(position), 0) into reached from ${schema}.log;
  moved := ${schema}.move(p_limit);
  perform ${schema}.tell_of_rest(reached);
  return moved;
end
$function$;

-- One at a time, until its transaction ends. The lock is taken by a statement of its own, so that the next one sees all
-- that its last holder did.
create function ${schema}.sequence(p_limit int) returns int language plpgsql as $function$
begin
  if not exists (select from ${schema}.outbox) then
    return 0;
  end if;
  perform pg_advisory_xact_lock(${locks.sequencer});
  return ${schema}.move_and_tell(p_limit);
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
  return ${schema}.move_and_tell(p_limit);
end
$function$;
`,
};
