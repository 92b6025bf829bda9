/* oxlint-disable typescript/no-extraneous-class -- classes themselves are listeners, publishers and broadcasters here */
import { describe, expect, it } from '@jest/globals';
import { createBus } from '../../legacy/index.js';
import { earFor, errorOf } from './ears.js';

const ignore = () => {};

function setUp() {
  const bus = createBus();
  class Shop extends bus.Publisher() {
    say(event: string, ...args: unknown[]) {
      return this.broadcast(event, ...args);
    }
  }
  return { bus, Shop };
}

describe('a listener of one publisher', () => {
  it('hears that publisher only', () => {
    // W83
    const { Shop } = setUp();
    const ear = earFor(['opened']);
    const shop = new Shop().subscribe(ear);
    new Shop().say('opened', 'other');
    shop.say('opened', 'own');
    expect(ear.heard).toEqual([['opened', 'own']]);
  });
});

describe('a global listener', () => {
  it('hears every publisher of the bus, also those made before, and none of another bus', () => {
    // W84
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    const before = new Shop();
    bus.subscribe(ear);
    before.say('opened', 1);
    new Shop().say('opened', 2);
    new (setUp().Shop)().say('opened', 3);
    expect(ear.heard).toEqual([
      ['opened', 1],
      ['opened', 2],
    ]);
  });

  it('may come with others that share its options', () => {
    // W85, W86
    const { bus, Shop } = setUp();
    const ears = [earFor(['on_opened']), earFor(['on_opened', 'handle'])] as const;
    bus.subscribe(...ears, { on: 'opened', prefix: true, scope: Shop });
    new Shop().say('opened', 1).say('closed');
    bus.publisher({}).broadcast('opened', 2);
    expect(ears.map((each) => each.heard)).toEqual([[['on_opened', 1]], [['on_opened', 1]]]);
  });

  it('takes every option', () => {
    // W86
    const { bus, Shop } = setUp();
    const ear = earFor(['handle']);
    const seen: unknown[] = [];
    const broadcaster = { broadcast: (...given: unknown[]) => void seen.push(given[2]) };
    bus.subscribe(ear, { on: /open/, with: 'handle', broadcaster });
    bus.subscribe(ear, { with: 'handle', async: false });
    new Shop().say('opened').say('closed');
    expect(seen).toEqual(['handle']);
    expect(ear.heard).toHaveLength(2);
  });

  it('is subscribed by a call that gives back the bus', () => {
    // W87
    const { bus } = setUp();
    expect(bus.subscribe(earFor([]))).toBe(bus);
  });

  it('need not be there: subscribing nobody does nothing', () => {
    // W88
    const { bus } = setUp();
    expect(bus.subscribe()).toBe(bus);
    expect(bus.subscribe({ on: 'opened' })).toBe(bus);
    expect(bus.listeners).toEqual([]);
  });

  it('is listed in the order of subscription, in a frozen list', () => {
    // W104
    const { bus, Shop } = setUp();
    const [first, second, third] = [earFor([]), earFor([]), earFor([])];
    bus.subscribe(first, second);
    Shop.subscribe(third);
    expect(bus.listeners).toEqual([first, second, third]);
    expect(bus.listeners[0]).toBe(first);
    expect(Object.isFrozen(bus.listeners)).toBe(true);
  });

  it('may be a plain object, told from options by its functions', () => {
    const { bus, Shop } = setUp();
    const heard: string[] = [];
    bus.subscribe({ opened: () => heard.push('a') }, { opened: () => heard.push('b') });
    bus.subscribe({ opened: () => heard.push('c') }, { once: true } as object);
    bus.subscribe({ opened: () => heard.push('d') }, undefined);
    bus.subscribe(
      class {
        static opened() {
          heard.push('e');
        }
      },
      class {
        static opened() {
          heard.push('f');
        }
      },
    );
    new Shop().say('opened');
    expect(heard).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(bus.listeners).toHaveLength(6);
  });

  it('is not lost among a hundred that subscribe at once', async () => {
    // W147
    const { bus } = setUp();
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        await Promise.resolve();
        bus.subscribe(earFor([]));
      }),
    );
    expect(bus.listeners).toHaveLength(100);
  });

  it('subscribes all or nobody when one of them is refused', () => {
    const { bus } = setUp();
    expect(() => bus.subscribe(earFor([]), 5 as unknown as object, {})).toThrow(errorOf('invalid_argument'));
    expect(bus.listeners).toEqual([]);
  });
});

describe('a temporary listener', () => {
  it('hears every publisher during the block, and nothing before or after', () => {
    // W94
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    const shop = new Shop().say('opened', 'before');
    bus.subscribe(ear, {}, () => {
      shop.say('opened', 1);
      new Shop().say('opened', 2);
    });
    shop.say('opened', 'after');
    expect(ear.heard).toEqual([
      ['opened', 1],
      ['opened', 2],
    ]);
  });

  it('stays while an async block awaits', async () => {
    // W94, W221
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    await bus.subscribe(ear, {}, async () => {
      await Promise.resolve();
      new Shop().say('opened', 1);
      await Promise.all([1, 2].map(async () => new Shop().say('opened', 2)));
    });
    new Shop().say('opened', 'after');
    expect(ear.heard.map(([, number]) => number)).toEqual([1, 2, 2]);
  });

  it('stays until a thenable that the block gives back is settled', async () => {
    // W94
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    const foreign: PromiseLike<void> = {
      // oxlint-disable-next-line unicorn/no-thenable -- promises of other libraries look like this
      then(...given) {
        new Shop().say('opened');
        return Promise.resolve().then(...given);
      },
    };
    await bus.subscribe(ear, {}, () => foreign);
    new Shop().say('opened');
    expect(ear.heard).toHaveLength(1);
  });

  it('gives back the bus and not what the block gives', async () => {
    // W87
    const { bus } = setUp();
    expect(bus.subscribe(earFor([]), {}, () => 'value')).toBe(bus);
    await expect(bus.subscribe(earFor([]), {}, async () => 'value')).resolves.toBe(bus);
  });

  it('may come with others and with options, or without options', () => {
    // W95
    const { bus, Shop } = setUp();
    const [first, second, third] = [earFor(['on_opened']), earFor(['on_opened']), earFor(['opened'])];
    bus.subscribe(first, second, { prefix: true, on: 'opened' }, () =>
      new Shop().say('opened').say('closed'),
    );
    bus.subscribe(third, () => new Shop().say('opened'));
    expect([first, second, third].map((each) => each.heard.length)).toEqual([1, 1, 1]);
    expect(bus.listeners).toEqual([]);
  });

  it('of an inner block goes with that block, of the outer one stays', () => {
    // W96
    const { bus, Shop } = setUp();
    const [outer, inner] = [earFor(['opened']), earFor(['opened'])];
    bus.subscribe(outer, {}, () => {
      bus.subscribe(inner, {}, () => new Shop().say('opened', 'inner'));
      new Shop().say('opened', 'outer');
    });
    expect(inner.heard).toEqual([['opened', 'inner']]);
    expect(outer.heard).toEqual([
      ['opened', 'inner'],
      ['opened', 'outer'],
    ]);
  });

  it('is called twice where it is in both blocks', () => {
    // W97
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    bus.subscribe(ear, {}, () => {
      bus.subscribe(ear, {}, () => new Shop().say('opened'));
      expect(ear.heard).toHaveLength(2);
      new Shop().say('opened');
      expect(ear.heard).toHaveLength(3);
    });
    new Shop().say('opened');
    expect(ear.heard).toHaveLength(3);
  });

  it('goes when the block throws or rejects, and the caller gets the error', async () => {
    // W98
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    const failure = new Error('out of pears');
    expect(() =>
      bus.subscribe(ear, {}, () => {
        throw failure;
      }),
    ).toThrow(failure);
    await expect(bus.subscribe(ear, {}, async () => Promise.reject(failure))).rejects.toBe(failure);
    new Shop().say('opened');
    expect(ear.heard).toEqual([]);
  });

  it('hears its own async context only, however many run side by side', async () => {
    // W99, W100
    const { bus, Shop } = setUp();
    const ears = Array.from({ length: 20 }, () => earFor(['opened']));
    const { promise: allInside, resolve: release } = Promise.withResolvers<void>();
    let inside = 0;
    await Promise.all(
      ears.map((ear, number) =>
        bus.subscribe(ear, {}, async () => {
          inside += 1;
          if (inside === ears.length) release();
          await allInside;
          new Shop().say('opened', number);
        }),
      ),
    );
    expect(ears.map((each) => each.heard)).toEqual(ears.map((_, number) => [['opened', number]]));
  });

  it('hears nothing from work that the block started and did not await', async () => {
    // W94
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    const other = earFor(['opened']);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let late: Promise<unknown> = Promise.resolve();
    bus.subscribe(ear, {}, () => {
      late = released.then(() => new Shop().say('opened'));
    });
    release();
    await bus.subscribe(other, {}, () => late);
    expect(ear.heard).toEqual([]);
    expect(other.heard).toEqual([]);
  });

  it('stays when the bus is cleared, as do the listeners of one publisher', () => {
    // W101, W102, W130
    const { bus, Shop } = setUp();
    const [temporary, local, global] = [earFor(['opened']), earFor(['opened']), earFor(['opened'])];
    const shop = new Shop().subscribe(local);
    bus.subscribe(global);
    bus.subscribe(temporary, {}, () => {
      bus.clear();
      bus.unsubscribe(temporary, local);
      shop.say('opened');
    });
    expect([temporary, local, global].map((each) => each.heard.length)).toEqual([1, 1, 0]);
  });

  it('is not left behind when it is refused', () => {
    const { bus } = setUp();
    let ran = false;
    const block = () => void (ran = true);
    expect(() => bus.subscribe(earFor([]), { broadcaster: 'nowhere' }, block)).toThrow(
      errorOf('invalid_argument'),
    );
    expect(ran).toBe(false);
  });
});

describe('the listeners of a publisher', () => {
  it('are its own, its blocks, the global and the current temporary ones, frozen', () => {
    // W103, W110
    const { bus, Shop } = setUp();
    const [local, global, temporary] = [earFor([]), earFor([]), earFor([])];
    const shop = new Shop().subscribe(local, { on: 'opened' }).on('opened', ignore).subscribe(global);
    bus.subscribe(global, { scope: 'Nobody' });
    bus.subscribe(temporary, {}, () => {
      expect(shop.listeners).toEqual([local, ignore, global, global, temporary]);
    });
    expect(shop.listeners).toEqual([local, ignore, global, global]);
    expect(() => (shop.listeners as object[]).push({})).toThrow(TypeError);
  });
});
