import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MikroORM } from '@mikro-orm/postgresql';
import { EventStore, type Worker, type WorkOptions } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { nextOrder, tellParent } from '../support/processes-parent.js';
import { Noted, Receipt, receiptsHandler } from './shutdown-subjects.js';

export interface ShutdownProgram {
  readonly url: string;
  readonly work?: WorkOptions;
  /** How many workers on how many stores; one (default) unless given. */
  readonly stores?: number;
  /** How the application itself listens for SIGTERM; not at all (default). */
  readonly ownListener?: 'on' | 'once';
  /** Its handler ends when its signal aborts; it goes on (default). */
  readonly heeds?: boolean;
}

/** A worker process whose handler runs until it is told `finish`. */
const [settings = ''] = process.argv.slice(2);
const {
  url,
  work = {},
  stores: storeCount = 1,
  ownListener,
  heeds = false,
} = JSON.parse(settings) as ShutdownProgram;

const orm = await MikroORM.init({ ...ignoreHandoverSchema(), entities: [Receipt], clientUrl: url });
const stores = Array.from({ length: storeCount }, () => new EventStore({ log: mikroOrmLog(orm) }));
const finish = Promise.withResolvers<void>();
for (const store of stores) {
  store.onError(() => {});
  store.subscribe(
    async (event, { signal }) => {
      await orm.em.getContext().execute('insert into shutdown_receipt values (?)', [event.id]);
      signal.addEventListener('abort', () => {
        tellParent(`aborted: ${String(signal.reason.code)}`);
        if (heeds) finish.reject(signal.reason);
      });
      tellParent(`started ${event.data.note}`);
      await finish.promise;
    },
    { to: [Noted], ...receiptsHandler },
  );
}
if (ownListener !== undefined) process[ownListener]('SIGTERM', () => tellParent('heard'));
const request = new AsyncLocalStorage<object>();

/** Workers are started inside a request, which goes when they run. */
async function startWorkers(): Promise<{ workers: readonly Worker[]; held: WeakRef<object> }> {
  const held = {};
  const workers = await request.run(held, () => Promise.all(stores.map((store) => store.work(work))));
  return { workers, held: new WeakRef(held) };
}

const { workers, held } = await startWorkers();
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function isHeld(): Promise<boolean> {
  for (let round = 0; round < 50; round += 1) {
    await nextTurn();
    collect();
    if (held.deref() === undefined) return false;
  }
  return true;
}

const counts = () => [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')].join(' and ');

const orders: Readonly<Record<string, () => string | void | Promise<string | void>>> = {
  async untilStopping() {
    for (let turn = 0; turn < 1_000_000 && !workers.every((each) => each.isStopping); turn += 1)
      await nextTurn();
    return 'stopping';
  },
  async stopWorkers() {
    await Promise.all(workers.map((worker) => worker.stop()));
    return 'stopped';
  },
  async stopOne() {
    await workers[0]?.stop();
    return 'stopped';
  },
  finish: () => finish.resolve(),
  listeners: counts,
  ping: () => 'pong',
  request: async () => ((await isHeld()) ? 'held' : 'gone'),
  async close() {
    await Promise.all(stores.flatMap((store) => [store.close(), store.close()]));
    await Promise.all(stores.map((store) => store.close()));
    return 'closed';
  },
  /** Nothing but what the library may have left behind keeps the process from here on. */
  async leave() {
    process.stdin.unref();
    await orm.close(true);
  },
};

tellParent('working');
for (let order = await nextOrder(); ; order = await nextOrder()) {
  const answer = await orders[order]?.();
  if (typeof answer === 'string') tellParent(answer);
  if (order === 'leave') break;
}
