import type { Migration } from './migration.js';

export const sequenceAndLease: Migration = {
  statements: (schema, locks) => /* sql */ `
-- Sequencing and leasing in one transaction. Around the others and not part of them: those that lease have planner settings
-- that do not fit the joins of the sequencer. Others are woken for what is left to them only.

-- Moves a few events; says which position was the last one before them. Null: none, or somebody else is at it.
create function ${schema}.sequence_few(p_limit int) returns bigint language plpgsql as $function$
declare
  reached bigint;
begin
  if p_limit < 1 or not exists (select from ${schema}.outbox) then
    return null;
  end if;
  if not pg_try_advisory_xact_lock(${locks.sequencer}) then
    return null;
  end if;
  select coalesce(max(position), 0) into reached from ${schema}.log;
  perform ${schema}.move(p_limit);
  return reached;
end
$function$;

create function ${schema}.claim_next(
  p_names text[], p_limits int[], p_limit int, p_worker text, p_lease_ms float8, p_sequencing int
)
  returns table (
    handler_id int, handler text, "position" bigint, attempt int, fence bigint, is_replay boolean,
    event ${schema}.events
  ) rows 20 language plpgsql as $function$
declare
  reached bigint := ${schema}.sequence_few(p_sequencing);
begin
  return query select * from ${schema}.claim(p_names, p_limits, p_limit, p_worker, p_lease_ms);
  perform ${schema}.tell_of_rest(reached);
end
$function$;

create function ${schema}.hand_over_next(
  p_names text[], p_limits int[], p_limit int, p_scheduler text, p_lease_ms float8, p_most_waiting int,
  p_sequencing int
)
  returns table (handler_id int, handler text, "position" bigint, fence bigint, event_id text)
  rows 20 language plpgsql as $function$
declare
  reached bigint := ${schema}.sequence_few(p_sequencing);
begin
  return query
    select * from ${schema}.hand_over(p_names, p_limits, p_limit, p_scheduler, p_lease_ms, p_most_waiting);
  perform ${schema}.tell_of_rest(reached);
end
$function$;
`,
};
