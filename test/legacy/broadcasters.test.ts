/* oxlint-disable typescript/no-extraneous-class -- classes themselves are listeners, publishers and broadcasters here */
import { describe, expect, it } from '@jest/globals';
import { type Broadcaster, createBus, sendBroadcaster, type SubscribeOptions } from '../../legacy/index.js';
import { earFor, errorOf } from './ears.js';

interface Spy extends Broadcaster {
  readonly seen: unknown[][];
}

function spy(): Spy {
  const seen: unknown[][] = [];
  return { seen, broadcast: (...given) => void seen.push(given) };
}

function setUp() {
  const bus = createBus();
  const spies = { async: spy(), given: spy() };
  bus.configure((c) => c.broadcaster('async', spies.async));
  return { bus, ...spies, shop: bus.publisher({ id: 1 }), ear: earFor(['opened', 'on_opened']) };
}

describe('a broadcaster', () => {
  it('is called instead of the listener, with listener, publisher, method and arguments', () => {
    // W68, W77
    const { shop, ear, given } = setUp();
    shop.subscribe(ear, { broadcaster: given, prefix: true }).broadcast('opened', 1, { two: 2 });
    expect(given.seen).toEqual([[ear, shop, 'on_opened', 1, { two: 2 }]]);
    expect(given.seen[0]?.[1]).toBe(shop);
    expect(ear.heard).toEqual([]);
  });

  it('may be a class with a static method', () => {
    // W68
    const { shop, ear } = setUp();
    const calls: string[] = [];
    class Queue {
      static broadcast(_listener: object, _publisher: unknown, method: string) {
        calls.push(`${this.name} ${method}`);
      }
    }
    shop.subscribe(ear, { broadcaster: Queue }).broadcast('opened');
    expect(calls).toEqual(['Queue opened']);
  });

  it('is found by its key', () => {
    // W69, W75
    const { shop, ear, async } = setUp();
    shop.subscribe(ear, { broadcaster: 'async' }).broadcast('opened');
    shop.subscribe(ear, { broadcaster: 'default' }).broadcast('opened');
    expect(async.seen).toHaveLength(2);
    expect(ear.heard).toHaveLength(1);
  });

  it('is refused at the subscription when its key is unknown, and the known keys are named', () => {
    // W69
    const { shop, ear } = setUp();
    expect(() => shop.subscribe(ear, { broadcaster: 'sidekiq' })).toThrow(
      errorOf('invalid_argument', /known: "default", "async"/),
    );
    expect(shop.listeners).toEqual([]);
  });

  it('is the one with the key `default` when none is asked for', () => {
    // W70, W81
    const { bus, shop, ear, given } = setUp();
    bus.configuration.broadcasters.clear();
    expect(() => shop.subscribe(ear)).toThrow(errorOf('invalid_argument', /none yet/));
    shop.subscribe(ear, { broadcaster: given });
    bus.configuration.broadcaster('default', given);
    shop.subscribe(ear).broadcast('opened');
    expect(given.seen).toHaveLength(2);
  });

  it('is asked after filter, scope and method', () => {
    // W78
    const { shop, ear, given } = setUp();
    shop
      .subscribe(ear, { broadcaster: given, on: 'closed' })
      .subscribe(ear, { broadcaster: given, scope: 'Nobody' })
      .subscribe(earFor([]), { broadcaster: given })
      .broadcast('opened');
    expect(given.seen).toEqual([]);
  });

  it('passes what it throws on to the publisher', () => {
    // W80
    const { shop, ear } = setUp();
    const full = new Error('the queue is full');
    const broadcaster: Broadcaster = {
      broadcast() {
        throw full;
      },
    };
    shop.subscribe(ear, { broadcaster }).subscribe(ear);
    expect(() => shop.broadcast('opened')).toThrow(full);
    expect(ear.heard).toEqual([]);
  });

  it('has no part in blocks', () => {
    // W79, W146
    const { bus, shop, given } = setUp();
    bus.configuration.broadcaster('default', given);
    const calls: unknown[] = [];
    shop.on('opened', (x: unknown) => calls.push(x)).broadcast('opened', 1);
    expect(calls).toEqual([1]);
    expect(given.seen).toEqual([]);
  });

  it('stays with a subscription when its key is given to another', () => {
    // W76
    const { bus, shop, ear, async, given } = setUp();
    shop.subscribe(ear, { async: true });
    bus.configuration.broadcaster('async', given);
    shop.broadcast('opened');
    expect(async.seen).toHaveLength(1);
    expect(given.seen).toEqual([]);
  });

  it.each([[5], [{}], [[]], [false], [''], [() => {}]])('cannot be %p', (broadcaster) => {
    const { shop, ear } = setUp();
    expect(() => shop.subscribe(ear, { broadcaster } as unknown as SubscribeOptions)).toThrow(
      errorOf('invalid_argument', /broadcaster/),
    );
  });
});

describe('the option async', () => {
  it('is the key `async` when it is true', () => {
    // W71
    const { shop, ear, async } = setUp();
    shop.subscribe(ear, { async: true }).broadcast('opened');
    expect(async.seen).toHaveLength(1);
    expect(() => createBus().subscribe(ear, { async: true })).toThrow(errorOf('invalid_argument', /"async"/));
  });

  it('changes nothing when it is false', () => {
    // W72
    const { shop, ear } = setUp();
    shop.subscribe(ear, { async: false }).broadcast('opened');
    expect(ear.heard).toHaveLength(1);
  });

  it('may be a broadcaster or a key itself', () => {
    // W73
    const { shop, ear, given, async } = setUp();
    shop.subscribe(ear, { async: given }).subscribe(ear, { async: 'async' }).broadcast('opened');
    expect([given.seen, async.seen].map((each) => each.length)).toEqual([1, 1]);
  });

  it('wins over `broadcaster` unless it is false', () => {
    // W74
    const { shop, ear, given, async } = setUp();
    shop.subscribe(ear, { async: true, broadcaster: given }).broadcast('opened');
    expect([given.seen, async.seen].map((each) => each.length)).toEqual([0, 1]);
    shop.subscribe(ear, { async: false, broadcaster: given }).broadcast('opened');
    expect([given.seen, async.seen].map((each) => each.length)).toEqual([1, 2]);
  });
});

describe('the default broadcaster', () => {
  it('calls the method with the arguments as they came, with none when there are none', () => {
    // W82, W131
    const ear = earFor(['opened']);
    sendBroadcaster.broadcast(ear, undefined, 'opened');
    sendBroadcaster.broadcast(ear, undefined, 'opened', 1, { k: 2 });
    expect(ear.heard).toEqual([['opened'], ['opened', 1, { k: 2 }]]);
  });

  it('can be asked by another broadcaster, also for a catch-all listener', () => {
    const heard: string[] = [];
    const broadcaster: Broadcaster = {
      broadcast: (...given) => sendBroadcaster.broadcast(...given),
    };
    const listener = { methodFor: (name: string) => () => heard.push(name) };
    createBus().publisher({}).subscribe(listener, { broadcaster }).broadcast('opened');
    expect(heard).toEqual(['opened']);
  });

  it('throws when the listener has no such method, and looks nothing up on Object.prototype', () => {
    for (const name of ['closed', 'toString', 'constructor']) {
      expect(() => sendBroadcaster.broadcast(earFor([]), undefined, name)).toThrow(/has no method/);
    }
  });
});
