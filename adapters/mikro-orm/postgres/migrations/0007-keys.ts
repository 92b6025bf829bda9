import type { Migration } from './migration.js';

/** How deliveries of ordered handlers get their places within a key, and leave them. */
export const keys: Migration = {
  statements: (schema) => /* sql */ `
-- Whether keys can be told now: all of the past has its deliveries, and nothing runs that has no key.
create function ${schema}.is_filled(p_handler ${schema}.handlers) returns boolean stable language sql
as $function$
  select p_handler.backfilled_to >= p_handler.backfill_until
    and not exists (select from ${schema}.replays where handler = p_handler.id and reached < until)
$function$;

create function ${schema}.takes_keys(p_handler ${schema}.handlers) returns boolean stable language sql as $function$
  select p_handler.ordered and ${schema}.is_filled(p_handler) and not exists (
    select from ${schema}.deliveries where handler = p_handler.id and state = 'running' and order_key is null
  )
$function$;

create function ${schema}.lacks_key(p_delivery ${schema}.deliveries) returns boolean stable language sql as $function$
  select p_delivery.order_key is null and (select ordered from ${schema}.handlers where id = p_delivery.handler)
$function$;

-- Tells keys of one handler, by ascending positions; an error in place of a key ends the delivery. Leaves alone what
-- comes after a delivery without a key that is not among them, and everything where somebody else is at it. A key once
-- told stays.
create function ${schema}.assign_keys(p_handler int, p_positions bigint[], p_keys text[], p_errors text[])
  returns void language plpgsql as $function$
declare
  clock timestamptz := clock_timestamp();
  gap bigint;
  given record;
  told text;
begin
  -- One at a time for each handler; whoever makes deliveries of the past has the same row. Locked by a statement of its
  -- own, so that the next one sees all that its last holder did.
  perform from ${schema}.handlers where id = p_handler for update skip locked;
  if not found or not (select ${schema}.takes_keys(handlers) from ${schema}.handlers where id = p_handler) then
    return;
  end if;

  select min(position) into gap from (
    select position from ${schema}.deliveries
      where handler = p_handler and state = 'unkeyed' and position < (select max(one) from unnest(p_positions) as one)
    except
    select unnest(p_positions)
  ) as missing;

  for given in
    select * from unnest(p_positions, p_keys, p_errors) as assignment (place, key, error)
      where gap is null or place < gap
      order by place
  loop
    select coalesce(order_key, given.key) into told from ${schema}.deliveries
      where position = given.place and handler = p_handler and state = 'unkeyed';
    continue when not found;

    if told is not null then
      perform ${schema}.queue_up(p_handler, given.place, told);
    else
      update ${schema}.deliveries
        set state = 'dead',
          due_at = null,
          finished_at = clock,
          first_error = coalesce(first_error, given.error::json),
          last_error = given.error::json
        where position = given.place and handler = p_handler;
    end if;
  end loop;
end
$function$;

-- Puts a delivery in its place within its key. It waits for nobody: where another transaction has the one ahead, the
-- delivery stays unkeyed, and whoever tells keys next tries again.
create function ${schema}.queue_up(p_handler int, p_place bigint, p_key text) returns void language plpgsql as $function$
declare
  is_next boolean := false;
  is_behind boolean := false;
begin
  -- Twice: the one ahead may have ended meanwhile.
  for tries in 1 .. 2 loop
    is_next := ${schema}.has_turn(p_handler, p_place, p_key);
    is_behind := not is_next and ${schema}.wait_behind(p_handler, p_place, p_key);
    exit when is_next or is_behind;
  end loop;

  update ${schema}.deliveries
    set state = case
        when is_behind then 'blocked'
        when not is_next then 'unkeyed'
        when due_at > clock_timestamp() then 'waiting'
        else 'due'
      end,
      order_key = p_key,
      is_waited_for = is_waited_for or exists (
        select from ${schema}.deliveries as later
          where later.handler = p_handler and later.order_key = p_key and later.state not in ('done', 'skipped') and later.position > p_place
      )
    where position = p_place and handler = p_handler;
end
$function$;

-- Whether nothing of its key goes before it. One that comes late, such as after a retry, sends back a later one that
-- nobody has begun.
create function ${schema}.has_turn(p_handler int, p_place bigint, p_key text) returns boolean language plpgsql as $function$
begin
  if exists (
    select from ${schema}.deliveries
      where handler = p_handler and order_key = p_key and state not in ('done', 'skipped') and position < p_place
  ) then
    return false;
  end if;

  update ${schema}.deliveries
    set state = 'blocked', due_at = clock_timestamp(), leased_until = null, worker = null
    where handler = p_handler and position = (
      select position from ${schema}.deliveries
        where handler = p_handler and order_key = p_key and state in ('due', 'waiting', 'queued')
        for update skip locked
    );
  return not exists (
    select from ${schema}.deliveries
      where handler = p_handler and order_key = p_key and state in ('due', 'waiting', 'queued', 'running')
  );
end
$function$;

-- Makes known to the one ahead that it is waited for: the next before, or a later one that runs. Changed and not only
-- locked: whoever completes it at this moment learns of it, at any isolation level, or has completed.
create function ${schema}.wait_behind(p_handler int, p_place bigint, p_key text) returns boolean
  language plpgsql as $function$
declare
  ahead bigint;
begin
  select position into ahead from ${schema}.deliveries
    where handler = p_handler and order_key = p_key and state not in ('done', 'skipped') and position < p_place
    order by position desc limit 1;
  if ahead is null then
    select position into ahead from ${schema}.deliveries
      where handler = p_handler and order_key = p_key and state in ('due', 'waiting', 'queued', 'running');
  end if;

  update ${schema}.deliveries set is_waited_for = true
    where handler = p_handler and position = (
      select position from ${schema}.deliveries
        where handler = p_handler and position = ahead and state not in ('done', 'skipped')
        for update skip locked
    );
  return found;
end
$function$;

-- What waits behind deliveries that are over: the next of each key is due. Locks rows in one order, as lease functions.
create function ${schema}.unblock(p_handlers int[], p_keys text[]) returns void language plpgsql as $function$
begin
  update ${schema}.deliveries as delivery
    set state = 'due', due_at = clock_timestamp()
    from (
      select head.position, head.handler
        from (select distinct handler, key from unnest(p_handlers, p_keys) as given (handler, key)) as ended
          cross join lateral (
            select position from ${schema}.deliveries as next
              where next.handler = ended.handler and next.order_key = ended.key and next.state not in ('done', 'skipped')
              order by position limit 1
          ) as first
          join ${schema}.deliveries as head on head.handler = ended.handler and head.position = first.position
        where head.state = 'blocked'
        order by head.position, head.handler
        for update of head
    ) as head
    where delivery.handler = head.handler and delivery.position = head.position;
end
$function$;
`,
};
