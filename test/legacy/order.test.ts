import { describe, expect, it } from '@jest/globals';
import { createBus } from '../../legacy/index.js';
import { earFor, namedEar } from './ears.js';

function setUp() {
  const bus = createBus();
  class Shop extends bus.Publisher() {
    say(event: string, ...args: unknown[]) {
      return this.broadcast(event, ...args);
    }
  }
  const log: string[] = [];
  return { bus, Shop, log, ear: (name: string, method = 'opened') => namedEar(name, method, log) };
}

describe('one broadcast', () => {
  it('calls local, then global and class-level, then outer and inner temporary listeners', () => {
    // W105, W106, W108
    const { bus, Shop, log, ear } = setUp();
    const shop = new Shop();
    bus.subscribe(ear('outer'), {}, () =>
      bus.subscribe(ear('inner 1'), ear('inner 2'), {}, () => {
        bus.subscribe(ear('global 1'));
        Shop.subscribe(ear('class'));
        bus.subscribe(ear('global 2'));
        shop
          .subscribe(ear('local 1'))
          .on('opened', () => log.push('block'))
          .subscribe(ear('local 2'));
        shop.say('opened');
      }),
    );
    expect(log).toEqual([
      'local 1',
      'block',
      'local 2',
      'global 1',
      'class',
      'global 2',
      'outer',
      'inner 1',
      'inner 2',
    ]);
  });

  it('calls a listener last once it has unsubscribed and subscribed again', () => {
    // W107
    const { bus, Shop, log, ear } = setUp();
    const [first, second] = [ear('first'), ear('second')];
    bus.subscribe(first, second);
    bus.unsubscribe(first);
    bus.subscribe(first);
    new Shop().say('opened');
    expect(log).toEqual(['second', 'first']);
  });

  it('calls a listener once for each of its subscriptions', () => {
    // W109, W110
    const { bus, Shop } = setUp();
    const ear = earFor(['opened']);
    bus.subscribe(ear, ear);
    new Shop().subscribe(ear).subscribe(ear).say('opened');
    expect(ear.heard).toHaveLength(4);
  });

  it('does not reach those who subscribe while it runs', () => {
    // W111
    const { bus, Shop, log, ear } = setUp();
    const shop = new Shop();
    let done = false;
    shop.on('opened', () => {
      if (done) return;
      done = true;
      shop.subscribe(ear('late local'));
      bus.subscribe(ear('late global'));
    });
    shop.say('opened');
    expect(log).toEqual([]);
    shop.say('opened');
    expect(log).toEqual(['late local', 'late global']);
  });

  it('still reaches those who are unsubscribed or cleared while it runs', () => {
    // W112
    const { bus, Shop, log, ear } = setUp();
    const [first, second] = [ear('first'), ear('second')];
    bus.subscribe({ opened: () => bus.unsubscribe(first) }, first, { opened: () => bus.clear() }, second);
    const shop = new Shop().say('opened');
    expect(log).toEqual(['first', 'second']);
    shop.say('opened');
    expect(log).toEqual(['first', 'second']);
  });

  it('waits for the broadcasts that its listeners make', () => {
    // W113
    const { bus, Shop, log, ear } = setUp();
    const other = new Shop();
    const shop = new Shop().on('opened', () => {
      log.push('opened starts');
      shop.say('lit');
      other.say('lit');
      log.push('opened ends');
    });
    bus.subscribe(ear('first', 'lit'), ear('second', 'lit'), ear('opened'));
    shop.say('opened');
    expect(log).toEqual(['opened starts', 'first', 'second', 'first', 'second', 'opened ends', 'opened']);
  });

  it('that a listener repeats without end overflows the stack', () => {
    // W114
    const { Shop } = setUp();
    const shop = new Shop().on('opened', () => shop.say('opened'));
    expect(() => shop.say('opened')).toThrow(RangeError);
  });
});
