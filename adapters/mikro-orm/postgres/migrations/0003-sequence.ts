import type { Migration } from './migration.js';

export const sequence: Migration = {
  statements: (schema, locks) => /* sql */ `
-- Gives up to p_limit committed events their positions; says how many. One at a time, until its transaction ends.
-- The lock is taken by a statement of its own, so that the next one sees all that its last holder did.
create function ${schema}.sequence(p_limit int) returns int language plpgsql as $function$
declare
  moved int;
begin
  if not exists (select from ${schema}.outbox) then
    return 0;
  end if;

  perform pg_advisory_xact_lock(${locks.sequencer});

  with taken as (
    delete from ${schema}.outbox
      where seq in (select seq from ${schema}.outbox order by seq limit p_limit)
      returning seq
  )
  insert into ${schema}.log (position, seq, type)
    select nextval('${schema}.log_position'), seq, type
      from (select seq, type from taken join ${schema}.events using (seq) order by seq) as batch;
  get diagnostics moved = row_count;
  return moved;
end
$function$;
`,
};
