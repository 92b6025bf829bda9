import { setTimeout as pause } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/postgresql';
import { ignoreHandoverSchema, mikroOrmLog } from '../adapters/mikro-orm/index.js';
import { createBus, type Stage } from '../legacy/index.js';
import { defineEvent, effectPort, EventStore } from '../src/index.js';
import { median } from './rounds.js';
import { benchServer } from './server.js';

class OrderPaid extends defineEvent<{ orderId: string; cents: number }>('OrderPaid') {}

const publishes = 2_000;
const rounds = 5;
const mostCpu = 0.3;
const turns = 10;
const publishesInTurn = 20;

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

/** Milliseconds that each of some publishes takes, with a pause between them; what follows from them is over then. */
async function timesOf(shop: Shop): Promise<readonly number[]> {
  const times: number[] = [];
  for (let nth = 0; nth < publishesInTurn; nth += 1) {
    const started = performance.now();
    await shop.pay();
    times.push(performance.now() - started);
    await pause(5);
  }
  await shop.settled();
  return times;
}

async function compareCpu(plain: Shop, shadow: Shop): Promise<void> {
  const added: number[] = [];
  const base: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const [without, withPair] = [await cpuOf(plain), await cpuOf(shadow)];
    if (round === 0) continue;
    base.push(without);
    added.push(withPair - without);
  }
  const cpu = median(added);
  console.log(
    `  CPU of a publish ${median(base).toFixed(3)} ms; the pair adds ${cpu.toFixed(3)} ms, at best ` +
      `${Math.min(...added).toFixed(3)} (aim: below ${mostCpu}: ${cpu < mostCpu ? 'holds' : 'MISSED'})`,
  );
}

/** The shops take turns, so that whatever else the machine does hits all of them alike. */
async function compareLatency(shops: ReadonlyMap<string, Shop>): Promise<void> {
  const times = new Map<string, number[]>();
  for (let turn = 0; turn <= turns; turn += 1) {
    for (const [name, shop] of shops) {
      const some = await timesOf(shop);
      if (turn > 0) times.set(name, [...(times.get(name) ?? []), ...some]);
    }
  }
  for (const [name, all] of times) {
    console.log(
      `  publish ${name}: median ${median(all).toFixed(2)} ms, p95 ${quantile(all, 0.95).toFixed(2)} ms`,
    );
  }
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

const server = await benchServer();
console.log(`\nA pair in the shadow, on ${server.description}`);
const plain = await openShop(server.url, 'record', 0);
const shops = new Map([['without a comparison', plain]]);
for (const takes of [0, 20, 200]) {
  shops.set(`with a handler that takes ${takes} ms`, await openShop(server.url, 'shadow', takes));
}
await compareCpu(plain, shops.get('with a handler that takes 0 ms') ?? plain);
await compareLatency(shops);
for (const shop of shops.values()) await shop.close();
await server.stop();
