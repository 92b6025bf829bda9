import type { Migration } from './migration.js';

export const tables: Migration = {
  statements: (schema) => /* sql */ `
-- The row of a stream is what its writers queue at; -1: no events.
create table ${schema}.streams (
  name text collate "C" primary key,
  version int not null
) with (fillfactor = 70);

-- Above the numbers of events that are stored, in the order of storing within each stream.
create sequence ${schema}.events_seq as bigint cache 1;

create table ${schema}.events (
  seq bigint primary key,
  id text collate "C" not null,
  stream text collate "C",
  version int,
  type text collate "C" not null,
  schema_version smallint not null,
  data jsonb not null,
  metadata jsonb not null,
  dates jsonb,
  recorded_at timestamptz(3) not null,
  valid_at timestamptz(3), -- null: recorded_at
  constraint events_id_key unique (id),
  constraint events_stream_version_key unique (stream, version)
);

create index events_recorded_at_idx on ${schema}.events (recorded_at, seq);
create index events_valid_at_idx on ${schema}.events ((coalesce(valid_at, recorded_at)), seq);

-- Events in streams besides their home.
create table ${schema}.links (
  stream text collate "C" not null,
  version int not null,
  seq bigint not null references ${schema}.events (seq) on delete cascade,
  nth bigint generated always as identity,
  primary key (stream, version),
  constraint links_seq_stream_key unique (seq, stream)
);

-- Events without a position yet. Rows live for milliseconds.
create table ${schema}.outbox (
  seq bigint primary key
) with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 100000
);

create sequence ${schema}.log_position as bigint cache 1;

-- The global order.
create table ${schema}.log (
  position bigint primary key,
  seq bigint not null,
  type text collate "C" not null,
  constraint log_seq_key unique (seq)
);

create index log_type_position_idx on ${schema}.log (type, position) include (seq);
`,
};
