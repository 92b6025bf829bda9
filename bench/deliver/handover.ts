import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore, type Scheduler } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { chunks, type Deliverer, type Handle } from './contender.js';

export interface HandoverPlan {
  readonly name: string;
  readonly schema: string;
  readonly effects: 'database' | 'external';
  readonly concurrency: number;
  readonly share?: number;
  readonly scheduler?: Scheduler;
  readonly prepare?: () => Promise<void>;
}

const connections = 20;

const Nothing = defineEntity({ name: 'DeliverBench', properties: { id: p.integer().primary() } });

export async function handover(url: string, plan: HandoverPlan, handle: Handle): Promise<Deliverer> {
  const { name, schema, effects, concurrency, share = 1, scheduler, prepare } = plan;
  class Noted extends defineEvent<{ number: number }>('Noted') {}
  const orm = await MikroORM.init({
    ...ignoreHandoverSchema({}, schema),
    entities: [Nothing],
    clientUrl: url,
    pool: { max: connections },
  });
  const store = new EventStore({ log: mikroOrmLog(orm, { schema }), scheduler });
  store.onError((error) => console.error(name, error));
  await store.migrate();
  store.subscribe(async (event) => handle(event.data.number), {
    to: [Noted],
    run: 'queued',
    name: 'noop',
    effects,
  });
  const countOpen = `select count(*)::int as open from ${schema}.deliveries where state <> 'done'`;
  return {
    name,
    settings: `concurrency ${concurrency}, pool ${connections}, effects '${effects}'`,
    share,
    prepare: async () => prepare?.(),
    async fill(numbers) {
      for (const some of chunks(numbers)) await store.append(some.map((number) => new Noted({ number })));
      await store.read.count(); // until all have their places in the order, and so their deliveries
    },
    publish: async (number) => void (await store.publish(new Noted({ number }))),
    async work() {
      const worker = await store.work({ concurrency });
      return { idle: () => worker.idle(), stop: () => worker.stop() };
    },
    async unfinished() {
      const [row] = await orm.em.fork().execute<{ open: number }[]>(countOpen);
      return row?.open ?? Number.NaN;
    },
    async close() {
      await store.close();
      await orm.close(true);
    },
  };
}
