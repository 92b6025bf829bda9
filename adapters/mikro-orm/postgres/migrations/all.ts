import { tables } from './0001-tables.js';
import { append } from './0002-append.js';
import { change } from './0003-change.js';
import { deliveries } from './0004-deliveries.js';
import { sequence } from './0005-sequence.js';
import { registering } from './0006-registering.js';
import { keys } from './0007-keys.js';
import { leasing } from './0008-leasing.js';
import { outcomes } from './0009-outcomes.js';
import { replays } from './0010-replays.js';
import { sequenceAndLease } from './0011-sequence-and-lease.js';
import { plans } from './0012-plans.js';
import type { Migration } from './migration.js';

/** In order; the version of the schema is how many of them it has seen. */
export const migrations: readonly Migration[] = [
  tables,
  append,
  change,
  deliveries,
  sequence,
  registering,
  keys,
  leasing,
  outcomes,
  replays,
  sequenceAndLease,
  plans,
];
