/* oxlint-disable typescript/no-extraneous-class -- classes themselves are listeners, publishers and broadcasters here */
import { describe, expect, it, jest } from '@jest/globals';
import { createBus } from '../../legacy/index.js';
import { callOf, earFor, errorOf } from './ears.js';

const bus = createBus();
class Shop extends bus.Publisher() {
  say(event: string, ...args: unknown[]) {
    return this.broadcast(event, ...args);
  }
}

describe('a listener object', () => {
  it('hears every event that it has a method for, and no other', () => {
    // W21, W22
    const ear = earFor(['opened', 'closed']);
    const shop = new Shop().subscribe(ear);
    shop.say('opened').say('robbed').say('closed');
    expect(ear.heard).toEqual([['opened'], ['closed']]);
  });

  it('keeps methods to itself that are #private or start with an underscore', () => {
    // W23
    const calls: string[] = [];
    class Listener {
      #opened = () => calls.push('#opened');
      _opened = () => calls.push('_opened');
      use = () => this.#opened;
    }
    new Shop().subscribe(new Listener()).subscribe(new Listener(), { prefix: '' }).say('opened');
    expect(() => new Shop().say('_opened')).toThrow(errorOf('invalid_event_name'));
    expect(() => new Shop().subscribe(new Listener(), { with: '_opened' })).toThrow(
      errorOf('invalid_argument'),
    );
    expect(calls).toEqual([]);
  });

  it('hears with methods that came after it subscribed, were replaced, or came back', () => {
    // W24
    const calls: string[] = [];
    const own: Record<string, unknown> = {};
    class Listener {}
    const inherited = new Listener();
    const shop = new Shop().subscribe(own).subscribe(inherited);
    shop.say('opened');
    own['opened'] = () => calls.push('own');
    Object.assign(Listener.prototype, { opened: () => calls.push('inherited') });
    shop.say('opened');
    own['opened'] = () => calls.push('replaced');
    shop.say('opened');
    delete own['opened'];
    shop.say('opened');
    Object.assign(inherited, { opened: () => calls.push('shadowed') });
    shop.say('opened');
    expect(calls).toEqual(['own', 'inherited', 'replaced', 'inherited', 'inherited', 'shadowed']);
  });

  it('can be spied on between two broadcasts', () => {
    // W24
    const listener = { opened: (..._args: unknown[]): string => 'real' };
    const shop = new Shop().subscribe(listener).say('opened');
    const spy = jest.spyOn(listener, 'opened').mockReturnValue('spied');
    shop.say('opened', 1);
    expect(spy.mock.calls).toEqual([[1]]);
    spy.mockRestore();
    shop.say('opened', 2);
    expect(spy).not.toHaveBeenCalledWith(2);
  });

  it('answers to no name of Object.prototype, under whatever option', () => {
    // W26, H20
    for (const name of ['toString', 'constructor', 'hasOwnProperty', '__proto__', 'then']) {
      expect(() => new Shop().subscribe({ a() {} }, { with: name })).toThrow(errorOf('invalid_argument'));
    }
  });

  it('is never asked through a getter', () => {
    // H20
    let reads = 0;
    const listener = {
      get opened() {
        reads += 1;
        return () => (reads += 1);
      },
    };
    new Shop().subscribe(listener).say('opened').say('opened');
    expect(reads).toBe(0);
  });

  it('may have no prototype at all', () => {
    // W30
    const calls: unknown[] = [];
    const listener = Object.assign(Object.create(null) as object, { opened: (x: unknown) => calls.push(x) });
    new Shop().subscribe(listener).say('opened', 3);
    expect(calls).toEqual([3]);
  });

  it('is called as a method, with itself as this', () => {
    class Listener {
      readonly seen: unknown[] = [];
      opened(at: string) {
        this.seen.push(at);
      }
    }
    const listener = new Listener();
    new Shop().subscribe(listener).say('opened', 'noon');
    expect(listener.seen).toEqual(['noon']);
  });

  it('returns the publisher for the next call', () => {
    // W32
    const shop = new Shop();
    expect(shop.subscribe(earFor([]))).toBe(shop);
  });

  it.each([[undefined], [null], [5], ['Listener'], [true]])('cannot be %p', (value) => {
    expect(() => new Shop().subscribe(value as unknown as object)).toThrow(
      errorOf('invalid_argument', /listener/),
    );
    expect(() => bus.subscribe(value as unknown as object)).toThrow(errorOf('invalid_argument', /listener/));
  });

  it('subscribes alone to one publisher', () => {
    // W33
    const shop = new Shop();
    expect(() => shop.subscribe(earFor([]), earFor([]) as object)).toThrow(
      errorOf('invalid_argument', /once for each listener/),
    );
    expect(() => callOf(shop, 'subscribe')(earFor([]), {}, {})).toThrow(errorOf('invalid_argument'));
    expect(shop.listeners).toEqual([]);
  });

  it('is told of `on` when a function comes along', () => {
    // W31
    const shop = new Shop();
    const subscribe = callOf(shop, 'subscribe');
    expect(() => subscribe(earFor([]), () => {})).toThrow(errorOf('invalid_argument', /\.on\(/));
    expect(() => subscribe(earFor([]), {}, () => {})).toThrow(errorOf('invalid_argument', /\.on\(/));
  });

  it('may come with options that nobody knows', () => {
    // W34
    const ear = earFor(['opened']);
    const options = { once: true, foo: 1 };
    new Shop()
      .subscribe(ear, options as object)
      .say('opened')
      .say('opened');
    expect(ear.heard).toHaveLength(2);
  });
});

describe('a catch-all listener', () => {
  it('is asked for a function for each method that it does not have', () => {
    // W25
    const heard: unknown[][] = [];
    class Recorder {
      methodFor(name: string) {
        return (...args: unknown[]) => heard.push([name, ...args]);
      }
      closed() {
        heard.push(['its own closed']);
      }
    }
    new Shop().subscribe(new Recorder()).say('opened', 1).say('closed').say('opened', 2);
    expect(heard).toEqual([['opened', 1], ['its own closed'], ['opened', 2]]);
  });

  it('hears nothing that it gives no function for', () => {
    // W25
    const asked: string[] = [];
    const listener = { methodFor: (name: string) => void asked.push(name) };
    new Shop().subscribe(listener, { prefix: true }).say('opened');
    expect(asked).toEqual(['on_opened']);
  });

  it('is not a proxy that answers to every property', () => {
    // W25
    let calls = 0;
    const listener = new Proxy({}, { get: () => () => (calls += 1) });
    new Shop().subscribe(listener).say('opened');
    expect(calls).toBe(0);
  });
});

describe('a class as a listener', () => {
  it('hears with its own and its inherited static methods only', () => {
    // W27
    const calls: string[] = [];
    class Base {
      static closed() {
        calls.push(`closed ${this.name}`);
      }
    }
    class Listener extends Base {
      static opened() {
        calls.push(`opened ${this.name}`);
      }
      robbed() {
        calls.push('an instance method');
      }
    }
    new Shop().subscribe(Listener).say('opened').say('closed').say('robbed');
    expect(calls).toEqual(['opened Listener', 'closed Listener']);
  });

  it('does not answer with what every class has', () => {
    // W28
    class Listener {}
    const shop = new Shop().subscribe(Listener);
    for (const name of ['name', 'length', 'bind', 'apply', 'call']) shop.say(name);
    expect(shop.listeners).toEqual([Listener]);
  });
});

describe('a function as a listener', () => {
  it('answers to `call` and to nothing else', () => {
    // W29
    const heard: unknown[][] = [];
    const listener = (...args: unknown[]) => void heard.push(args);
    new Shop().subscribe(listener).say('opened', 1).say('call', 2, 3).say('bind', 4).say('apply', 5);
    expect(heard).toEqual([[2, 3]]);
  });

  it('hears any event through `with: "call"`', () => {
    // W29, W47
    const heard: unknown[][] = [];
    const listener = (...args: unknown[]) => void heard.push(args);
    new Shop().subscribe(listener, { on: 'opened', with: 'call' }).say('opened', 1).say('closed', 2);
    expect(heard).toEqual([[1]]);
  });
});

describe('listeners of other makes', () => {
  it('are called through the Proxy that wraps them', () => {
    const opened = jest.fn();
    const traced = jest.fn();
    const listener = new Proxy({ opened }, { get: () => traced });
    createBus().publisher({}).subscribe(listener).broadcast('opened', 1).broadcast('closed');
    expect(traced.mock.calls).toEqual([[1]]);
    expect(opened).not.toHaveBeenCalled();
  });

  it('are called themselves for "call" when they are functions of another realm', () => {
    // W29: a mock function's Function.prototype is not ours
    const mock = jest.fn();
    createBus().publisher({}).subscribe(mock).broadcast('call', 1).broadcast('bind').broadcast('apply');
    expect(mock.mock.calls).toEqual([[1]]);
  });

  it('are not made to publish by an event of that name, being publishers too', () => {
    // W4, W23
    const press = createBus();
    const reporter = press.publisher({});
    const newspaper = press.publisher({}).subscribe(reporter);
    newspaper.subscribe(newspaper);
    const heard: unknown[] = [];
    press.subscribe({ publish: (article: unknown) => heard.push(article) });
    expect(() => newspaper.broadcast('publish', { article: 1 }).broadcast('broadcast', 'x')).not.toThrow();
    expect(heard).toEqual([{ article: 1 }]);
  });
});
