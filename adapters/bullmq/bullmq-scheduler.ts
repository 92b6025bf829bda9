import type { Scheduler } from '../../src/index.js';
import type { Backend } from './backend.js';
import { settingsFrom, type BullmqSchedulerOptions, type BullmqSettings } from './options.js';
import { postgresBackend } from './postgres-backend.js';
import { redisBackend } from './redis-backend.js';
import { BullmqSession } from './session.js';

/**
 * Spreads queued handlers over processes by BullMQ, on Redis or on its own tables in PostgreSQL. Ids travel in jobs, and
 * nothing else; attempts, delays and the truth about each delivery stay in the log, so that everything BullMQ knows may
 * be lost at any time.
 *
 * Publishing never waits for it. While it is away deliveries wait, and go on when it is back.
 *
 * @throws {InvalidArgument}
 */
export function bullmqScheduler(options: BullmqSchedulerOptions): Scheduler {
  const settings = settingsFrom(options);
  const backend = backendOf(settings);
  let looked = false;
  const back = () => {
    if (!looked) void warnOfDanger(backend);
    looked = true;
  };
  return {
    name: backend.name,
    async start(host) {
      return new BullmqSession({ backend, settings, host, back });
    },
  };
}

function backendOf({ connection, postgres, schema, prefix }: BullmqSettings): Backend {
  return connection === undefined
    ? postgresBackend(postgres ?? '', schema)
    : redisBackend(connection, prefix);
}

async function warnOfDanger(backend: Backend): Promise<void> {
  const danger = await backend.danger().catch(() => undefined);
  if (danger === undefined) return;
  process.emitWarning(`${danger}\n  → Set \`maxmemory-policy noeviction\` on the server.`, {
    code: 'HANDOVER_REDIS_MAY_EVICT',
  });
}
