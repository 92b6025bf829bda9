import type { Migration } from './migration.js';

export const sequenceAndLease: Migration = {
  statements: (schema) => /* sql */ `
-- Sequencing and leasing in one transaction. Around the others and not part of them: those that lease have planner settings
-- that do not fit the joins of the sequencer.

create function ${schema}.claim_next(
  p_names text[], p_limits int[], p_limit int, p_worker text, p_lease_ms float8, p_sequencing int
)
  returns table (
    handler_id int, handler text, "position" bigint, attempt int, fence bigint, is_replay boolean,
    event ${schema}.events
  ) rows 20 language plpgsql as $function$
begin
  if p_sequencing > 0 then
    perform ${schema}.try_sequence(p_sequencing);
  end if;
  return query select * from ${schema}.claim(p_names, p_limits, p_limit, p_worker, p_lease_ms);
end
$function$;

create function ${schema}.hand_over_next(
  p_names text[], p_limits int[], p_limit int, p_scheduler text, p_lease_ms float8, p_most_waiting int,
  p_sequencing int
)
  returns table (handler_id int, handler text, "position" bigint, fence bigint, event_id text)
  rows 20 language plpgsql as $function$
begin
  if p_sequencing > 0 then
    perform ${schema}.try_sequence(p_sequencing);
  end if;
  return query
    select * from ${schema}.hand_over(p_names, p_limits, p_limit, p_scheduler, p_lease_ms, p_most_waiting);
end
$function$;
`,
};
