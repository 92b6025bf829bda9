import type { Migration } from './migration.js';

export const change: Migration = {
  statements: (schema, locks) => /* sql */ `
-- Adds stored events to a further stream, all or none: {"stream", "expected", "ids": […]}. Gives one of
--   {}  {"missing": id}  {"duplicate": id}  {"conflict": version}
create function ${schema}.link(p_link json) returns json language plpgsql as $function$
declare
  target text := p_link ->> 'stream';
  ids text[] := array(select json_array_elements_text(p_link -> 'ids'));
  last_version int;
  missing text;
  duplicate text;
begin
  select given.id into missing
    from unnest(ids) with ordinality as given (id, nth)
    where not exists (select from ${schema}.events where events.id = given.id)
    order by nth limit 1;
  if missing is not null then
    return json_build_object('missing', missing);
  end if;

  last_version := ${schema}.advance(target, (p_link ->> 'expected')::int, cardinality(ids));

  select given.id into duplicate
    from (
      select id, nth, row_number() over (partition by id order by nth) > 1 as repeated
        from unnest(ids) with ordinality as listed (id, nth)
    ) as given
    join ${schema}.events using (id)
    where repeated
      or events.stream = target
      or exists (select from ${schema}.links where links.seq = events.seq and links.stream = target)
    order by nth limit 1;
  if duplicate is not null then
    if last_version is not null then
      update ${schema}.streams set version = version - cardinality(ids) where name = target;
    end if;
    return json_build_object('duplicate', duplicate);
  end if;

  if last_version is null then
    return json_build_object('conflict', coalesce((select version from ${schema}.streams where name = target), -1));
  end if;

  insert into ${schema}.links (stream, version, seq)
    select target, last_version - cardinality(ids) + nth, events.seq
      from unnest(ids) with ordinality as given (id, nth)
      join ${schema}.events using (id)
      order by nth;
  return '{}';
end
$function$;

-- Takes every event out of a stream; the next one there gets version 0.
create function ${schema}.delete_stream(p_stream text) returns void language plpgsql as $function$
begin
  perform from ${schema}.streams where name = p_stream for update;
  delete from ${schema}.links where stream = p_stream;
  update ${schema}.events set stream = null, version = null where stream = p_stream;
  delete from ${schema}.streams where name = p_stream;
end
$function$;

-- Replaces what stored events say, all or none: records as in append_to. Gives the first id that is not stored.
create function ${schema}.overwrite(p_records json) returns text language plpgsql as $function$
declare
  missing text;
  retyped bigint[];
begin
  select record.id into missing
    from rows from (json_to_recordset(p_records) as (id text)) with ordinality as record (id, nth)
    where not exists (select from ${schema}.events where events.id = record.id)
    order by nth limit 1;
  if missing is not null then
    return missing;
  end if;

  perform from ${schema}.events
    where id in (select record.id from json_to_recordset(p_records) as record (id text))
    order by seq for no key update;

  retyped := array(
    select seq from ${schema}.events join json_to_recordset(p_records) as record (id text, type text) using (id)
      where events.type <> record.type
  );

  update ${schema}.events
    set type = record.type,
      schema_version = record.schema_version,
      data = coalesce(record.data, 'null'),
      metadata = record.metadata,
      dates = record.dates,
      valid_at = case
        when record.valid_at is null then events.valid_at
        else nullif(to_timestamp(record.valid_at / 1000)::timestamptz(3), events.recorded_at)
      end
    from (
      select distinct on (id) *
        from rows from (json_to_recordset(p_records) as (
          id text, type text, schema_version smallint, data jsonb, metadata jsonb, dates jsonb, valid_at float8
        )) with ordinality as given (id, type, schema_version, data, metadata, dates, valid_at, nth)
        order by id, nth desc
    ) as record
    where events.id = record.id;

  -- A sequencer at work may just be copying the old type of an event that has no position yet: wait for it.
  if exists (select from ${schema}.outbox where seq = any (retyped)) then
    perform pg_advisory_xact_lock(${locks.sequencer});
  end if;

  update ${schema}.log set type = events.type
    from ${schema}.events
    where log.seq = any (retyped) and events.seq = log.seq;
  return null;
end
$function$;
`,
};
