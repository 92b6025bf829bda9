import { channelOf } from '../deliveries/channel.js';
import type { QuotedSchema } from '../schema-name.js';
import type { Migration } from './migration.js';

/**
 * What runs again and again on tables that fill and empty. Statistics say little about those, and a session keeps a plan
 * that it made when they were empty: these find rows by their indexes, whatever statistics say. Whoever replaces one of
 * them says so again.
 */
const byIndexes = ['assign_keys', 'unblock', 'skip'];

/** Those without joins that a small table could turn around: one plan fits every size. */
const plannedOnce = ['is_recoverable', 'claim', 'hand_over'];

/** Those whose joins fit the tables only as large as these are at the moment of the call. */
const plannedAnew = [
  'log_next',
  'backfill',
  'advance_replay',
  'recover',
  'take',
  'complete',
  'fail',
  'renew',
  'release',
];

export const plans: Migration = {
  statements: (schema) => /* sql */ `
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

create or replace function ${schema}.move(p_limit int) returns int language plpgsql as $function$
declare
  moved int;
  created int;
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
      returning 1
  )
  select (select count(*) from logged), (select count(*) from delivery) into moved, created;

  if created > 0 then
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  return moved;
end
$function$;
${[...byIndexes, ...plannedOnce, ...plannedAnew].map((name) => useIndexes(schema, name)).join('')}
${plannedOnce.map((name) => `alter function ${schema}.${name} set plan_cache_mode = force_generic_plan;`).join('\n')}
${plannedAnew.map((name) => `alter function ${schema}.${name} set plan_cache_mode = force_custom_plan;`).join('\n')}
`,
};

function useIndexes(schema: QuotedSchema, name: string): string {
  return /* sql */ `
alter function ${schema}.${name}
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
  set jit = off;
`;
}
