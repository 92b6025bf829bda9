import { describe, expect, it } from '@jest/globals';
import { createDispatcher } from '../../legacy/dispatcher.js';
import type { Recorder } from '../../legacy/recorder.js';
import { createBus } from '../../legacy/index.js';
import { earFor } from './ears.js';

describe('arguments', () => {
  it('are the same values for every listener, a trailing object being one of them', () => {
    // W131, W132, W133, W134
    const last = { k: 2, 'a-b': 3 };
    const ear = earFor(['opened']);
    createBus().publisher({}).subscribe(ear).broadcast('opened', 1, last);
    expect(ear.heard).toEqual([['opened', 1, last]]);
    expect(ear.heard[0]?.[2]).toBe(last);
  });

  it('reach a broadcaster one by one, never as an array', () => {
    // W135
    const seen: unknown[][] = [];
    const broadcaster = { broadcast: (...given: unknown[]) => void seen.push(given.slice(3)) };
    createBus()
      .publisher({})
      .subscribe(earFor(['opened']), { broadcaster })
      .broadcast('opened')
      .broadcast('opened', [1])
      .broadcast('opened', 1, 2);
    expect(seen).toEqual([[], [[1]], [1, 2]]);
  });
});

describe('method names', () => {
  it('are never rewritten between snake_case and camelCase', () => {
    const ear = earFor(['orderPlaced', 'order.placed']);
    const shop = createBus().publisher({}).subscribe(ear);
    shop.broadcast('order_placed').broadcast('orderPlaced').broadcast('order.placed');
    expect(ear.heard).toEqual([['orderPlaced'], ['order.placed']]);
  });

  it('may be class fields', () => {
    const seen: string[] = [];
    class Listener {
      opened = () => seen.push('opened');
    }
    createBus().publisher({}).subscribe(new Listener()).broadcast('opened');
    expect(seen).toEqual(['opened']);
  });
});

describe('publishers', () => {
  it('of two buses do not hear each other', () => {
    const [one, two] = [createBus(), createBus()];
    const ear = earFor(['opened']);
    one.subscribe(ear);
    two.publisher({}).broadcast('opened');
    expect(ear.heard).toEqual([]);
  });

  it('keep their own listeners apart, and those of a shared prototype too', () => {
    // W148, W149
    const bus = createBus();
    class Shop extends bus.Publisher() {}
    const [first, second] = [new Shop(), new Shop()];
    const ear = earFor([]);
    first.subscribe(ear);
    expect(first.listeners).toEqual([ear]);
    expect(second.listeners).toEqual([]);
  });

  it('hold global listeners for as long as the bus lives', () => {
    // W150
    const bus = createBus();
    for (let request = 0; request < 3; request += 1) bus.subscribe(earFor(['opened']));
    expect(bus.listeners).toHaveLength(3);
  });
});

const noRecorder: Recorder = {
  record: () => undefined,
  recordFor: () => ({ event: undefined, waits: false }),
};

describe('the recorder of a dispatcher', () => {
  it('is told once per broadcast, with the checked name, before any listener hears it', () => {
    const dispatcher = createDispatcher();
    const log: unknown[] = [];
    const shop = {};
    for (const name of ['first', 'second']) {
      dispatcher.global.add({ listener: {}, deliveryOf: () => () => log.push(name) });
    }
    dispatcher.recordWith({ ...noRecorder, record: (broadcast) => void log.push(broadcast) });
    dispatcher.broadcast(shop, 'shop-opened', [1]);
    expect(log).toEqual([{ publisher: shop, eventName: 'shop_opened', args: [1] }, 'first', 'second']);
    dispatcher.recordWith(undefined);
    dispatcher.broadcast(shop, 'shop-opened', []);
    expect(log).toHaveLength(5);
  });

  it('is not told of refused names, and refuses a broadcast by throwing', () => {
    const dispatcher = createDispatcher();
    const log: unknown[] = [];
    dispatcher.global.add({ listener: {}, deliveryOf: () => () => log.push('heard') });
    dispatcher.recordWith({
      ...noRecorder,
      record() {
        log.push('asked');
        throw new Error('the backlog is full');
      },
    });
    expect(() => dispatcher.broadcast({}, 'constructor', [])).toThrow();
    expect(() => dispatcher.broadcast({}, 'opened', [])).toThrow('the backlog is full');
    expect(log).toEqual(['asked']);
  });

  it('may deliver an event that nobody broadcast to global and temporary listeners, unrecorded', () => {
    const dispatcher = createDispatcher();
    const log: unknown[] = [];
    const registration = (name: string) => ({
      listener: {},
      deliveryOf: () => (publisher: unknown, args: readonly unknown[]) =>
        log.push([name, publisher, ...args]),
    });
    dispatcher.global.add(registration('global'));
    dispatcher.recordWith({ ...noRecorder, record: () => void log.push('recorded') });
    dispatcher.temporary.during([registration('temporary')], () => dispatcher.deliver('opened', [1]));
    expect(log).toEqual([
      ['global', undefined, 1],
      ['temporary', undefined, 1],
    ]);
  });
});
