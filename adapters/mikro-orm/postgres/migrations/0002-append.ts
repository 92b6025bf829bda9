import type { Migration } from './migration.js';

export const append: Migration = {
  statements: (schema) => /* sql */ `
-- Moves a stream on by p_count versions if it is at p_expected (null: wherever it is; -1: without events).
-- Gives its new version, or null when it is elsewhere. Holds the row of the stream until the transaction ends.
create function ${schema}.advance(p_stream text, p_expected int, p_count int) returns int language plpgsql as $function$
declare
  moved_to int;
begin
  if p_expected is null then
    -- Most streams are there already, and "update" alone does half the work of "on conflict do update".
    update ${schema}.streams set version = version + p_count where name = p_stream returning version into moved_to;
    if moved_to is null then
      insert into ${schema}.streams as stream (name, version) values (p_stream, p_count - 1)
        on conflict (name) do update set version = stream.version + p_count
        returning version into moved_to;
    end if;
    return moved_to;
  end if;

  if p_expected = -1 then
    insert into ${schema}.streams (name, version) values (p_stream, p_count - 1)
      on conflict (name) do nothing
      returning version into moved_to;
    if moved_to is not null then
      return moved_to;
    end if;
  end if;

  update ${schema}.streams set version = version + p_count
    where name = p_stream and version = p_expected
    returning version into moved_to;
  return moved_to;
end
$function$;

-- The first of these ids, in their order, that is stored already or stands twice among them.
create function ${schema}.first_duplicate(p_ids text[]) returns text language sql as $function$
  select given.id
    from (
      select id, nth, row_number() over (partition by id order by nth) > 1 as repeated
        from unnest(p_ids) with ordinality as listed (id, nth)
    ) as given
    where repeated or exists (select from ${schema}.events where events.id = given.id)
    order by nth
    limit 1
$function$;

-- Why advance() did not move the stream. A duplicate comes first: it tells who retries that they had succeeded.
create function ${schema}.refusal(p_stream text, p_ids text[]) returns json language plpgsql as $function$
declare
  duplicate text := ${schema}.first_duplicate(p_ids);
begin
  if duplicate is not null then
    return json_build_object('duplicate', duplicate);
  end if;
  return json_build_object(
    'conflict', coalesce((select version from ${schema}.streams where name = p_stream), -1)
  );
end
$function$;

-- append_to for one event, the frequent case, without taking JSON apart.
create function ${schema}.append_one(
  p_stream text, p_expected int, p_id text, p_type text, p_schema_version smallint,
  p_data jsonb, p_metadata jsonb, p_dates jsonb, p_timestamp float8, p_valid_at float8
) returns json language plpgsql as $function$
declare
  clock timestamptz(3);
  happened timestamptz(3);
  held timestamptz(3);
  place int;
  written bigint;
begin
  -- First what advance() would do: a call less in the most frequent case of all.
  if p_expected is null and p_stream is not null then
    update ${schema}.streams set version = version + 1 where name = p_stream returning version into place;
  end if;
  if p_stream is not null and place is null then
    place := ${schema}.advance(p_stream, p_expected, 1);
    if place is null then
      return ${schema}.refusal(p_stream, array[p_id]);
    end if;
  end if;

  -- Behind the lock of the stream, so that its times rise with its versions.
  clock := date_trunc('milliseconds', clock_timestamp());
  happened := clock;
  if p_timestamp is not null then
    happened := to_timestamp(p_timestamp / 1000);
  end if;
  if p_valid_at is not null then
    held := nullif(to_timestamp(p_valid_at / 1000)::timestamptz(3), happened);
  end if;

  insert into ${schema}.events
      (seq, id, stream, version, type, schema_version, data, metadata, dates, recorded_at, valid_at)
    values (
      nextval('${schema}.events_seq'), p_id, p_stream, place, p_type, p_schema_version,
      p_data, p_metadata, p_dates, happened, held
    )
    on conflict (id) do nothing
    returning seq into written;

  if written is null then
    if p_stream is not null then
      update ${schema}.streams set version = version - 1 where name = p_stream;
    end if;
    return json_build_object('duplicate', p_id);
  end if;

  insert into ${schema}.outbox (seq) values (written);
  return json_build_object('first', place, 'at', round(extract(epoch from clock) * 1000));
end
$function$;

-- Stores p_records, all or none, in p_stream or in none. Gives one of
--   {"first": version of the first or null, "at": milliseconds since 1970}  {"duplicate": id}  {"conflict": version}
-- and raises nothing, so that the transaction around it stays healthy.
create function ${schema}.append_to(p_stream text, p_expected int, p_records json) returns json language plpgsql as $function$
declare
  wanted int := json_array_length(p_records);
  last_version int;
  clock timestamptz(3);
  written bigint[];
  ids text[];
begin
  if p_stream is not null and wanted > 0 then
    last_version := ${schema}.advance(p_stream, p_expected, wanted);
    if last_version is null then
      ids := array(select id from json_to_recordset(p_records) as record (id text));
      return ${schema}.refusal(p_stream, ids);
    end if;
  end if;

  clock := date_trunc('milliseconds', clock_timestamp());
  with event as (
    insert into ${schema}.events
        (seq, id, stream, version, type, schema_version, data, metadata, dates, recorded_at, valid_at)
      select
          nextval('${schema}.events_seq'), id, p_stream, last_version - wanted + nth, type, schema_version,
          coalesce(data, 'null'), metadata, dates,
          coalesce(to_timestamp(happened / 1000), clock),
          nullif(to_timestamp(held / 1000)::timestamptz(3), coalesce(to_timestamp(happened / 1000)::timestamptz(3), clock))
        from rows from (json_to_recordset(p_records) as (
          id text, type text, schema_version smallint, data jsonb, metadata jsonb, dates jsonb,
          timestamp float8, valid_at float8
        )) with ordinality as record (id, type, schema_version, data, metadata, dates, happened, held, nth)
        order by nth
      on conflict (id) do nothing
      returning seq
  ), queued as (
    insert into ${schema}.outbox (seq) select seq from event
  )
  select array_agg(seq) into written from event;

  if coalesce(cardinality(written), 0) < wanted then
    ids := array(select id from json_to_recordset(p_records) as record (id text));
    delete from ${schema}.outbox where seq = any (written);
    delete from ${schema}.events where seq = any (written);
    if p_stream is not null then
      update ${schema}.streams set version = version - wanted where name = p_stream;
    end if;
    return json_build_object('duplicate', ${schema}.first_duplicate(ids));
  end if;

  return json_build_object(
    'first', last_version - wanted + 1,
    'at', round(extract(epoch from clock) * 1000)
  );
end
$function$;

-- Stores each of p_records in its own "stream", wherever that is, or in none. Answers each as append_to does.
create function ${schema}.append_each(p_records json) returns json language plpgsql as $function$
declare
  moved_streams text[];
  last_versions int[];
  clock timestamptz(3);
  written bigint[];
  outcomes json;
  entry record;
  outcome_list json[];
begin
  -- In the order of their names, so that two calls cannot wait for each other.
  with moved as (
    insert into ${schema}.streams as stream (name, version)
      select name collate "C", count(*) - 1
        from rows from (json_to_recordset(p_records) as (stream text)) as record (name)
        where name is not null
        group by 1
        order by 1
      on conflict (name) do update set version = stream.version + excluded.version + 1
      returning name, version
  )
  select array_agg(name), array_agg(version) into moved_streams, last_versions from moved;

  clock := date_trunc('milliseconds', clock_timestamp());
  with record as (
    select *, row_number() over (partition by stream collate "C" order by nth desc) - 1 as followers
      from rows from (json_to_recordset(p_records) as (
        stream text, id text, type text, schema_version smallint, data jsonb, metadata jsonb, dates jsonb,
        timestamp float8, valid_at float8
      )) with ordinality as given
        (stream, id, type, schema_version, data, metadata, dates, happened, held, nth)
  ), event as (
    insert into ${schema}.events
        (seq, id, stream, version, type, schema_version, data, metadata, dates, recorded_at, valid_at)
      select
          nextval('${schema}.events_seq'), id, stream, last_version - followers, type, schema_version,
          coalesce(data, 'null'), metadata, dates,
          coalesce(to_timestamp(happened / 1000), clock),
          nullif(to_timestamp(held / 1000)::timestamptz(3), coalesce(to_timestamp(happened / 1000)::timestamptz(3), clock))
        from record left join unnest(moved_streams, last_versions) as moved (name, last_version) on name = stream
        order by nth
      on conflict (id) do nothing
      returning seq, version
  ), queued as (
    insert into ${schema}.outbox (seq) select seq from event
  )
  select
      array_agg(seq),
      json_agg(json_build_object('first', version, 'at', round(extract(epoch from clock) * 1000)) order by seq)
    into written, outcomes
    from event;

  if coalesce(cardinality(written), 0) = json_array_length(p_records) then
    return outcomes;
  end if;

  -- A duplicate, which leaves no gap in its stream: back, and one by one.
  delete from ${schema}.outbox where seq = any (written);
  delete from ${schema}.events where seq = any (written);
  update ${schema}.streams set version = version - counted.records
    from (
      select stream as name, count(*) as records from json_to_recordset(p_records) as record (stream text) group by 1
    ) as counted
    where streams.name = counted.name;
  for entry in select * from json_to_recordset(p_records) as record (
    stream text, id text, type text, schema_version smallint, data jsonb, metadata jsonb, dates jsonb,
    timestamp float8, valid_at float8
  ) loop
    outcome_list := outcome_list || ${schema}.append_one(
      entry.stream, null, entry.id, entry.type, entry.schema_version,
      coalesce(entry.data, 'null'), entry.metadata, entry.dates, entry.timestamp, entry.valid_at
    );
  end loop;
  return array_to_json(outcome_list);
end
$function$;

-- Stores each append of [{"stream", "expected", "records": […]}, …] on its own, in the order given, and answers
-- each as append_to does. Rows of streams are taken in the order of their names, so that two calls cannot wait for
-- each other.
create function ${schema}.append(p_appends json) returns json language plpgsql as $function$
declare
  entry record;
  outcome json;
  outcomes json[];
begin
  -- "where false" locks a row that is there already, and writes none.
  if json_array_length(p_appends) > 1 then
    insert into ${schema}.streams as stream (name, version)
      select distinct name collate "C", -1
        from rows from (json_to_recordset(p_appends) as (stream text)) as given (name)
        where name is not null
        order by 1
      on conflict (name) do update set version = stream.version where false;
  end if;

  for entry in select * from json_to_recordset(p_appends) as given (stream text, expected int, records json) loop
    if json_array_length(entry.records) = 1 then
      select ${schema}.append_one(
          entry.stream, entry.expected, id, type, schema_version,
          coalesce(data, 'null'), metadata, dates, timestamp, valid_at
        )
        into outcome
        from json_to_record(entry.records -> 0) as record (
          id text, type text, schema_version smallint, data jsonb, metadata jsonb, dates jsonb,
          timestamp float8, valid_at float8
        );
    else
      outcome := ${schema}.append_to(entry.stream, entry.expected, entry.records);
    end if;
    outcomes := outcomes || outcome;
  end loop;
  return array_to_json(outcomes);
end
$function$;
`,
};
