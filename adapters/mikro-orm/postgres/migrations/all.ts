import { tables } from './0001-tables.js';
import { append } from './0002-append.js';
import { sequence } from './0003-sequence.js';
import { change } from './0004-change.js';
import { deliveries } from './0005-deliveries.js';
import { leases } from './0006-leases.js';
import { ordering } from './0007-ordering.js';
import { handOver } from './0008-hand-over.js';
import { replays } from './0009-replays.js';
import { plans } from './0010-plans.js';
import type { Migration } from './migration.js';

/** In order; the version of the schema is how many of them it has seen. */
export const migrations: readonly Migration[] = [
  tables,
  append,
  sequence,
  change,
  deliveries,
  leases,
  ordering,
  handOver,
  replays,
  plans,
];
