import { describe, expect, it } from '@jest/globals';
import { createBus } from '../../legacy/index.js';
import { earFor } from './ears.js';

const ignore = () => {};

function setUp() {
  const bus = createBus();
  class Shop extends bus.Publisher() {
    say(event: string) {
      return this.broadcast(event);
    }
  }
  return { bus, Shop };
}

describe('unsubscribe', () => {
  it('removes every global subscription of the listeners, whatever its options', () => {
    // W126
    const { bus, Shop } = setUp();
    const [first, second, kept] = [earFor(['opened', 'on_opened']), earFor(['opened']), earFor(['opened'])];
    bus.subscribe(first, second, kept);
    bus.subscribe(first, { prefix: true });
    Shop.subscribe(first);
    bus.unsubscribe(first, second);
    new Shop().say('opened');
    expect([first, second, kept].map((each) => each.heard.length)).toEqual([0, 0, 1]);
    expect(bus.listeners).toEqual([kept]);
  });

  it('goes by identity, not by equality', () => {
    // W127
    const { bus } = setUp();
    const listener = { opened() {}, equals: () => true };
    bus.subscribe(listener);
    bus.unsubscribe({ ...listener });
    expect(bus.listeners).toEqual([listener]);
  });

  it('ignores listeners that it does not know, and gives back the bus', () => {
    // W128
    const { bus } = setUp();
    expect(bus.unsubscribe(earFor([]))).toBe(bus);
  });

  it('leaves listeners of one publisher and blocks where they are', () => {
    // W129
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    const shop = new Shop().subscribe(ear).on('opened', ignore);
    bus.unsubscribe(ear, ignore);
    expect(shop.listeners).toEqual([ear, ignore]);
  });
});

describe('clear', () => {
  it('removes all global and class-level subscriptions, leaves local ones, and gives back an empty list', () => {
    // W130
    const { bus, Shop } = setUp();
    const [global, local] = [earFor(['opened']), earFor(['opened'])];
    bus.subscribe(global);
    Shop.subscribe(global);
    const shop = new Shop().subscribe(local);
    expect(bus.clear()).toEqual([]);
    shop.say('opened');
    expect(global.heard).toEqual([]);
    expect(local.heard).toHaveLength(1);
  });
});
