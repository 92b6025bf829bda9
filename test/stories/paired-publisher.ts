import { nextOrder, tellParent } from '../support/processes-parent.js';
import { OrderPaid, openShop } from './paired-shop.js';
import { keepMoving } from './paired-moves.js';
import type { Stage } from 'handover/legacy';

// Publishes in every way there is. Orders: `publish <how many> <prefix of keys>`, `move`, `halt`, `tell`, `close`.
const [clientUrl = '', stage = '', mover = ''] = process.argv.slice(2);
const { bus, orm, store, pair, saveOrder, errors, heard, booked, close } = await openShop(clientUrl, {
  stage: stage as Stage,
  isFlagged: mover === 'a flag',
});

const rolledBack: string[] = [];
const undo = new Error('undo');
const undone = (error: unknown) => {
  if (error !== undo) throw error;
};
const any = (below: number) => Math.floor(Math.random() * below);

const ways: readonly ((key: string) => Promise<unknown>)[] = [
  inEntityTransaction,
  (key) => inEntityTransaction(key, 'outside'),
  (key) => inEntityTransaction(key, 'savepoint'),
  async (key) => void bus.publisher({}).broadcast('order_paid', { order: any(20), key }),
  (key) => store.publish(new OrderPaid({ order: any(20), key }), { stream: `Order-${any(20)}` }),
  (key) =>
    orm.em.fork().transactional(async () => {
      await store.publish(new OrderPaid({ order: any(20), key }), { stream: `Order-${any(20)}` });
    }),
];

/** @param fails What is rolled back: the savepoint that broadcasts, or the transaction outside. */
async function inEntityTransaction(key: string, fails?: 'outside' | 'savepoint'): Promise<void> {
  if (fails !== undefined) rolledBack.push(key);
  await orm.em
    .fork()
    .transactional(async (em) => {
      const order = await saveOrder(em, any(20));
      await em
        .transactional(async () => {
          order.pay(key);
          await booked();
          if (fails === 'savepoint') throw undo;
        })
        .catch(undone);
      if (fails === 'outside') throw undo;
    })
    .catch(undone);
}

async function publish(count: number, prefix: string): Promise<void> {
  let nth = 0;
  const lane = async () => {
    while (nth < count) {
      nth += 1;
      const key = `${prefix}${nth}`;
      await ways[nth % ways.length]?.(key);
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  await bus.settled();
  await booked();
}

await pair.ready();
tellParent('ready');
let moving: ReturnType<typeof keepMoving> | undefined;
for (;;) {
  const [order, count, prefix = ''] = (await nextOrder()).split(' ');
  if (order === 'publish') await publish(Number(count), prefix);
  else if (order === 'move') moving = keepMoving(pair);
  else if (order === 'halt') await moving?.halt();
  else if (order === 'close') break;
  const failures = errors.map((error) => `${Reflect.get(error, 'code')}: ${error.message}`);
  const phantoms = { counted: pair.phantoms, seen: rolledBack.filter((key) => heard.has(key)).length };
  tellParent(JSON.stringify({ stage: pair.stage, rolledBack, phantoms, failures }));
}
await close();
process.exit();
