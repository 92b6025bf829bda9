/** `broadcast()` to five listeners on an unconnected bus, beside eventemitter3. Run it with `npm run bench`. */
import { EventEmitter } from 'eventemitter3';
import { createBus } from 'handover/legacy';
import { printTable, takeTurns, type Contender } from './rounds.js';

const listenerCount = 5;
let heard = 0;

class Listener {
  order_placed(order: { cents: number }): void {
    heard += order.cents;
  }
}

function eventEmitter(): Contender {
  const emitter = new EventEmitter<{ order_placed: [order: { cents: number }] }>();
  for (let index = 0; index < listenerCount; index += 1) {
    const listener = new Listener();
    emitter.on('order_placed', (order) => listener.order_placed(order));
  }
  return {
    name: 'eventemitter3 emit()',
    run: (times) => {
      for (let index = 0; index < times; index += 1) emitter.emit('order_placed', { cents: 1 });
    },
  };
}

function bus(): Contender {
  const { Publisher, subscribe } = createBus();
  for (let index = 0; index < listenerCount; index += 1) subscribe(new Listener());
  class Shop extends Publisher() {
    place(): void {
      this.broadcast('order_placed', { cents: 1 });
    }
  }
  const shop = new Shop();
  return {
    name: 'handover broadcast()',
    run: (times) => {
      for (let index = 0; index < times; index += 1) shop.place();
    },
  };
}

const measurements = await takeTurns([eventEmitter(), bus()], { rounds: 21, timesPerRound: 200_000 });
printTable(
  `broadcast to ${listenerCount} listeners (${heard.toLocaleString('en-US')} calls heard)`,
  measurements,
);
const ratio = measurements[1]?.ratio ?? 0;
console.log(`  broadcast() costs ${(1 / ratio).toFixed(2)} × eventemitter3; the aim is 3 at most.`);
