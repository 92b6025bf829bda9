import { setTimeout as pause } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/postgresql';
import { ignoreHandoverSchema, mikroOrmLog } from '../adapters/mikro-orm/index.js';
import { createBus, type Stage } from '../legacy/index.js';
import { defineEvent, effectPort, EventStore } from '../src/index.js';
import { benchServer } from './server.js';

class OrderPaid extends defineEvent<{ orderId: string; cents: number }>('OrderPaid') {}

const publishes = 2_000;
const rounds = 5;
const mostCpu = 0.3;

interface Shop {
  pay(): Promise<unknown>;
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** @param handlerTakes Milliseconds. */
async function openShop(url: string, stage: Stage, handlerTakes: number): Promise<Shop> {
  const orm = await MikroORM.init({
    ...ignoreHandoverSchema(),
    clientUrl: url,
    entities: [],
    discovery: { warnWhenNoEntities: false },
  });
  const mails = effectPort('mails', { send: (_to: string) => undefined });
  const bus = createBus();
  const mailer = { order_paid: ({ orderId }: { orderId: string }) => mails.send(orderId) };
  bus.subscribe(mailer);
  bus.pair('receipts', {
    event: OrderPaid,
    listener: [mailer, 'order_paid'],
    handler: async ({ data }: OrderPaid) => {
      if (handlerTakes > 0) await pause(handlerTakes);
      mails.send(data.orderId);
    },
    stage,
  });
  const store = new EventStore({ log: mikroOrmLog(orm) });
  await store.migrate();
  bus.connect(store, { events: { order_paid: OrderPaid } });
  let order = 0;
  return {
    pay: () => store.publish(new OrderPaid({ orderId: `${(order += 1)}`, cents: 100 })),
    settled: () => bus.settled(),
    async close() {
      await store.close();
      await orm.close(true);
    },
  };
}

/** Milliseconds of CPU that one publish costs in this process, with all that follows from it. */
async function cpuOf(shop: Shop): Promise<number> {
  const before = process.cpuUsage();
  for (let nth = 0; nth < publishes; nth += 1) await shop.pay();
  await shop.settled();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / publishes;
}

async function latencyOf(shop: Shop): Promise<number> {
  const times: number[] = [];
  for (let nth = 0; nth < 100; nth += 1) {
    const started = performance.now();
    await shop.pay();
    times.push(performance.now() - started);
    await pause(5);
  }
  await shop.settled();
  return median(times);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const server = await benchServer();
console.log(`\nA pair in the shadow, on ${server.description}`);
const [plain, shadow] = [await openShop(server.url, 'record', 0), await openShop(server.url, 'shadow', 0)];
const added: number[] = [];
for (let round = 0; round <= rounds; round += 1) {
  const [without, withPair] = [await cpuOf(plain), await cpuOf(shadow)];
  if (round > 0) added.push(withPair - without);
}
const cpu = median(added);
console.log(
  `  CPU that it adds to a publish: ${cpu.toFixed(3)} ms (aim: below ${mostCpu}: ${cpu < mostCpu ? 'holds' : 'MISSED'})`,
);
for (const takes of [0, 20, 200]) {
  const shop = await openShop(server.url, 'shadow', takes);
  console.log(
    `  publish, median, with a handler that takes ${takes} ms: ${(await latencyOf(shop)).toFixed(2)} ms`,
  );
  await shop.close();
}
await Promise.all([plain.close(), shadow.close()]);
await server.stop();
