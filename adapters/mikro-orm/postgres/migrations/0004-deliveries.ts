import type { Migration } from './migration.js';

export const deliveries: Migration = {
  statements: (schema) => /* sql */ `
-- Queued handlers. Known here, so that publishers that never loaded them create their deliveries.
create table ${schema}.handlers (
  id int generated always as identity primary key,
  name text collate "C" not null,
  types text[] collate "C", -- null: all
  attempts int not null,
  ordered boolean not null default false,
  starts_from text not null,
  -- The past that it still gets: positions above backfilled_to, up to backfill_until.
  backfilled_to bigint not null,
  backfill_until bigint not null,
  registered_at timestamptz not null default clock_timestamp(),
  constraint handlers_name_key unique (name)
);

-- One event for one handler. Without foreign keys: their checks would lock a row of events for each row written here.
-- Nothing deletes events or handlers; whoever comes to purge events deletes their deliveries in the same transaction.
create table ${schema}.deliveries (
  position bigint not null,
  seq bigint not null,
  handler int not null,
  attempt int not null default 0,
  -- due, waiting (until due_at), queued (leased to a scheduler until a worker takes it), running, done, dead, skipped;
  -- of ordered handlers also unkeyed (nobody has told its key yet), blocked (behind another of its key)
  state text collate "C" not null,
  -- Place among those that may run now. Of its own, so that no other index looks fit for finding the oldest.
  turn bigint generated always as (case when state = 'due' then position end) stored,
  due_at timestamptz,
  leased_until timestamptz,
  fence bigint, -- of its last lease, unlike that of any other
  finished_at timestamptz,
  worker text,
  first_error json,
  last_error json,
  reason text,
  order_key text collate "C",
  is_waited_for boolean not null default false, -- another of its key may be blocked behind it
  replay int, -- the one that made it due last
  primary key (position, handler)
) with (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.05
);

create index deliveries_turn_idx on ${schema}.deliveries (handler, turn) where turn is not null;
create index deliveries_due_at_idx on ${schema}.deliveries (handler, due_at) where state = 'waiting';
create index deliveries_leased_until_idx on ${schema}.deliveries (handler, leased_until) where state = 'running';
create index deliveries_dead_idx on ${schema}.deliveries (finished_at, position) where state = 'dead';
create index deliveries_handed_over_idx on ${schema}.deliveries (handler, leased_until) where state = 'queued';
create index deliveries_unkeyed_idx on ${schema}.deliveries (handler, position) where state = 'unkeyed';
create index deliveries_order_idx on ${schema}.deliveries (handler, order_key, position)
  where order_key is not null and state not in ('done', 'skipped');
-- The promise itself: of a key never two at once, whatever goes wrong.
create unique index deliveries_active_key_idx on ${schema}.deliveries (handler, order_key)
  where order_key is not null and state in ('due', 'waiting', 'queued', 'running');

create sequence ${schema}.deliveries_fence as bigint;

-- History handled again: deliveries are made due of positions above reached, up to until.
create table ${schema}.replays (
  id int generated always as identity primary key,
  handler int not null,
  reason text,
  reached bigint not null,
  until bigint not null,
  spared bigint[] not null, -- positions that ran when it started: they end after it
  ahead int not null, -- events between reached and until, as counted when it started
  made int not null default 0, -- deliveries made due so far
  started_at timestamptz not null
);

create index replays_handler_idx on ${schema}.replays (handler, id);
create index replays_ahead_idx on ${schema}.replays (handler, id) where reached < until;

create index deliveries_replay_idx on ${schema}.deliveries (replay, state)
  where replay is not null and state not in ('done', 'skipped');
`,
};
