import { createPostgresBackend, Queue, Worker } from 'bullmq';
import type { Backend } from './backend.js';

type Place = Readonly<Record<string, unknown>>;

/** Of each of BullMQ's queues and workers, beside the one that listens. */
const mostConnections = 4;

export function postgresBackend(postgres: string | object, schema = 'bullmq'): Backend {
  const connection = { ...placeOf(postgres), schema, max: mostConnections, migrate: true };
  return {
    name: 'BullMQ on PostgreSQL',

    openQueue(name, options, ears) {
      const queue = new Queue(name, { ...options, connection }, createPostgresBackend);
      queue.on('error', ears.error);
      return Object.assign(queue, { end: () => queue.close() });
    },

    openWorker(name, { process, options }, ears) {
      const worker = new Worker(name, process, { ...options, connection }, createPostgresBackend);
      worker.on('error', ears.error);
      return Object.assign(worker, { end: (force: boolean) => worker.close(force) });
    },

    async danger() {
      return undefined;
    },
  };
}

/** A pool says where; its connections have another `search_path`, and stay its own. */
function placeOf(postgres: string | object): Place {
  if (typeof postgres === 'string') return { connectionString: postgres };
  const { options } = postgres as { readonly options?: Place };
  if (options === undefined) return postgres as Place;
  // pg hides what is secret from enumeration.
  return { ...options, password: options['password'], ssl: options['ssl'] };
}
