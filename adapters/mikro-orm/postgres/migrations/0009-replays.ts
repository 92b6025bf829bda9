import { channelOf } from '../deliveries/channel.js';
import type { Migration } from './migration.js';

export const replays: Migration = {
  statements: (schema, locks) => /* sql */ `
-- History handled again: deliveries are made due of positions above reached, up to until.
create table ${schema}.replays (
  id int generated always as identity primary key,
  handler int not null,
  reason text,
  reached bigint not null,
  until bigint not null,
  total int not null,
  started_at timestamptz not null default clock_timestamp()
);

create index replays_handler_idx on ${schema}.replays (handler, id);

create index deliveries_replay_idx on ${schema}.deliveries (replay, state)
  where replay is not null and state not in ('done', 'skipped');

create or replace function ${schema}.is_filled(p_handler ${schema}.handlers) returns boolean stable language sql
as $function$
  select p_handler.backfilled_to >= p_handler.backfill_until
    and not exists (select from ${schema}.replays where handler = p_handler.id and reached < until)
$function$;

-- Starts a replay of the events above p_after, or finds the one that is not yet through; says its id. Null: no handler
-- of this name. Under the lock of the sequencer, so that what is committed before is part of it.
create function ${schema}.start_replay(p_handler text, p_after bigint, p_reason text) returns int
  language plpgsql as $function$
declare
  target record;
  place int;
  last_position bigint;
begin
  perform pg_advisory_xact_lock(${locks.sequencer});
  loop
    exit when ${schema}.move(1000) < 1000;
  end loop;
  select * into target from ${schema}.handlers where name = p_handler for update;
  if not found then
    return null;
  end if;
  select max(replays.id) into place from ${schema}.replays
    where handler = target.id and (
      reached < until
      or exists (select from ${schema}.deliveries where replay = replays.id and state not in ('done', 'skipped', 'dead'))
    );
  if place is not null then
    return place;
  end if;

  -- What is open of an ordered handler takes its turn again, after the history before it.
  if target.ordered then
    update ${schema}.deliveries
      set state = 'unkeyed', order_key = null, is_waited_for = false, leased_until = null, worker = null
      where handler = target.id and state in ('due', 'waiting', 'queued', 'blocked');
  end if;

  select coalesce(max(position), 0) into last_position from ${schema}.log;
  insert into ${schema}.replays (handler, reason, reached, until, total)
    select target.id, p_reason, p_after, last_position, count(*) from ${schema}.log
      where position > p_after and (target.types is null or type = any (target.types))
    returning id into place;
  return place;
end
$function$;

-- Makes deliveries of the next p_limit events of one replay due; says how many it went through.
-- Null when there is none to go on with, or somebody else is at each.
create function ${schema}.advance_replay(p_limit int) returns int language plpgsql as $function$
declare
  again record;
  target record;
  passed int;
  reached_position bigint;
begin
  select * into again from ${schema}.replays where reached < until order by id limit 1 for update skip locked;
  if not found then
    return null;
  end if;
  -- For whoever tells keys of this handler.
  select * into target from ${schema}.handlers where id = again.handler for update;

  with past as (
    select * from (
      (
        select position, seq from ${schema}.log
          where target.types is null and position > again.reached and position <= again.until
          order by position limit p_limit
      )
      union all
      select found.position, found.seq
        from (select distinct unnest(target.types) as type) as listed
        cross join lateral (
          select position, seq from ${schema}.log
            where log.type = listed.type and position > again.reached and position <= again.until
            order by position limit p_limit
        ) as found
    ) as candidates
    order by position limit p_limit
  ), renewed as (
    insert into ${schema}.deliveries as delivery (position, seq, handler, state, due_at, replay)
      select position, seq, target.id, case when target.ordered then 'unkeyed' else 'due' end, clock_timestamp(), again.id
        from past
      on conflict (position, handler) do update
        set state = excluded.state,
          due_at = excluded.due_at,
          replay = excluded.replay,
          attempt = 0,
          order_key = null,
          is_waited_for = false,
          finished_at = null,
          first_error = null,
          last_error = null,
          reason = null
        where delivery.state in ('done', 'skipped', 'dead')
      returning 1
  )
  select count(*), max(position) into passed, reached_position from past;

  update ${schema}.replays
    set reached = case when passed < p_limit then until else reached_position end
    where id = again.id;
  if passed > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return passed;
end
$function$;
`,
};
