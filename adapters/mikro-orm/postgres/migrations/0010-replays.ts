import { channelOf } from '../deliveries/channel.js';
import type { Migration } from './migration.js';
import { pastEvents } from './past-events.js';

const walk = { types: 'again.types', after: 'again.reached', until: 'again.until' };

export const replays: Migration = {
  statements: (schema) => /* sql */ `
-- Starts a replay of the events above p_after, or finds the one that is not yet through. Null: no handler of this name.
-- It may share a transaction with what empties the handler's tables: what had not ended by then ends after it.
create function ${schema}.start_replay(
  p_handler text, p_after bigint, p_reason text, out replay_id int, out is_new boolean
)
  language plpgsql as $function$
declare
  target record;
  clock timestamptz;
  counted int;
  last_position bigint;
begin
  select * into target from ${schema}.handlers where name = p_handler for update;
  if not found then
    return;
  end if;
  select max(id), false into replay_id, is_new from ${schema}.replays
    where handler = target.id and (
      reached < until
      or exists (select from ${schema}.deliveries where replay = replays.id and state not in ('done', 'skipped', 'dead'))
    );
  if replay_id is not null then
    return;
  end if;

  -- Read before it is looked which deliveries run: one that is taken up in between ends after it.
  clock := clock_timestamp();

  -- What is open of an ordered handler takes its turn again, after the history before it; also what runs, which would
  -- end before that history.
  if target.ordered then
    update ${schema}.deliveries
      set state = 'unkeyed',
        attempt = attempt - case state when 'running' then 1 else 0 end,
        due_at = coalesce(due_at, clock),
        order_key = null,
        is_waited_for = false,
        leased_until = null,
        worker = null
      from (
        select position as place from ${schema}.deliveries
          where handler = target.id and order_key is not null and state not in ('done', 'skipped') and state <> 'dead'
          order by position
          for update
      ) as open
      where position = place and handler = target.id;
  end if;

  select count(*), coalesce(max(position), p_after) into counted, last_position from ${schema}.log
    where position > p_after and (target.types is null or type = any (target.types));
  insert into ${schema}.replays (handler, reason, reached, until, spared, ahead, started_at)
    values (
      target.id, p_reason, p_after, last_position,
      array(select position from ${schema}.deliveries where handler = target.id and state = 'running'),
      counted, clock
    )
    returning id, true into replay_id, is_new;
  perform pg_notify('${channelOf(schema)}', '');
end
$function$;

-- Makes deliveries of the next p_limit events of one replay due; says how many it went through.
-- Null when there is none to go on with, or somebody else is at each.
create function ${schema}.advance_replay(p_limit int) returns int language plpgsql as $function$
declare
  again record;
  passed int;
  renewals int;
  reached_position bigint;
begin
  -- Locks the handler too, for whoever tells its keys or makes other deliveries of the past.
  select replays.*, handlers.types, handlers.ordered into again
    from ${schema}.replays join ${schema}.handlers on handlers.id = replays.handler
    where reached < until
    order by replays.id limit 1
    for update skip locked;
  if not found then
    return null;
  end if;

  with past as materialized (
    ${pastEvents(schema, walk)}
  ), ended as (
    select kept.* from past cross join lateral (
      select delivery.position as place from ${schema}.deliveries as delivery
        where delivery.position = past.position and delivery.handler = again.handler
          and state in ('done', 'skipped', 'dead')
          and finished_at <= again.started_at and not delivery.position = any (again.spared)
        limit 1
        for update
    ) as kept
  ), renewed as (
    update ${schema}.deliveries as delivery
      set state = case when again.ordered then 'unkeyed' else 'due' end,
        due_at = clock_timestamp(),
        replay = again.id,
        attempt = 0,
        order_key = null,
        is_waited_for = false,
        finished_at = null,
        first_error = null,
        last_error = null,
        reason = null
      from ended
      where delivery.position = place and delivery.handler = again.handler
      returning 1
  ), created as (
    insert into ${schema}.deliveries (position, seq, handler, state, due_at, replay)
      select position, seq, again.handler, case when again.ordered then 'unkeyed' else 'due' end, clock_timestamp(),
          again.id
        from past
      on conflict (position, handler) do nothing
      returning 1
  )
  select count(*), max(position), (select count(*) from renewed) + (select count(*) from created)
    into passed, reached_position, renewals
    from past;

  update ${schema}.replays
    set reached = case when passed < p_limit then until else reached_position end,
      ahead = case when passed < p_limit or reached_position = until then 0 else greatest(ahead - passed, 1) end,
      made = made + renewals
    where id = again.id;
  if renewals > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return passed;
end
$function$;
`,
};
