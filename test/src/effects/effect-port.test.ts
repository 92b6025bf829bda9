import { inspect, isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import {
  EffectForbidden,
  effectName,
  effectPort,
  EffectScope,
  runInScope,
  type Effect,
  type EffectMode,
} from 'handover';

class Account {
  readonly #made: string[];
  limit = 1;

  constructor(made: string[]) {
    this.#made = made;
  }

  get made() {
    return this.#made;
  }

  async create(name: string) {
    this.#made.push(name);
    return name;
  }
}

const done = Symbol('done');

interface Limits {
  limit?: number;
}

function provider() {
  const made: string[] = [];
  return {
    ...({ limit: 1 } as Limits),
    made,
    customers: new Account(made),
    nested: { deeper: { create: (name: string) => void made.push(name) } },
    get fresh() {
      return { send: (name: string) => void made.push(name) };
    },
    [done]: () => void made.push('done'),
    list: [{ send: (name: string) => void made.push(name) }],
    Client: class {
      readonly name: string;

      constructor(name: string) {
        this.name = name;
        made.push(name);
      }
    },
    since: new Date(0),
    known: new Map([['a', 1]]),
    ready: Promise.resolve(1),
    bytes: new Uint8Array([1]),
  };
}

function within<T>(mode: EffectMode, work: () => T) {
  const scope = new EffectScope(mode);
  return { scope, result: runInScope(scope, work) };
}

const call = (method: string, ...args: unknown[]): Effect => ({ kind: 'call', port: 'p', method, args });

const acts: readonly [string, (port: ReturnType<typeof provider>) => unknown, Effect][] = [
  ['a method of an object within', (port) => port.customers.create('a'), call('customers.create', 'a')],
  ['a deeper one', (port) => port.nested.deeper.create('a'), call('nested.deeper.create', 'a')],
  ['a method of what a getter gives', (port) => port.fresh.send('a'), call('fresh.send', 'a')],
  ['a method whose key is a symbol', (port) => port[done](), call('Symbol(done)')],
  ['a method of an item of a list', (port) => port.list[0]?.send('a'), call('list.0.send', 'a')],
  ['a write to a property', (port) => (port.limit = 99), call('set limit', 99)],
  ['a write to a property within', (port) => (port.customers.limit = 99), call('set customers.limit', 99)],
  ['a property that goes', (port) => delete port.limit, call('delete limit')],
  [
    'a method that is called for another object',
    (port) => port.fresh.send.call(undefined, 'a'),
    call('fresh.send', 'a'),
  ],
  [
    'a method that a descriptor shows',
    (port) => Object.getOwnPropertyDescriptor(port.nested.deeper, 'create')?.value('a'),
    call('nested.deeper.create', 'a'),
  ],
];

describe('an effect port', () => {
  it.each(acts)('notes %s, and holds it back in a captured run', (_title, act, effect) => {
    const original = provider();
    const port = effectPort('p', original);
    const state = () => inspect([original.made, original.limit, original.customers.limit]);
    const before = state();
    const captured = within('captured', () => act(port));
    expect(captured.scope).toMatchObject({ effects: [effect], escapes: [] });
    expect(state()).toBe(before);
    expect(() => within('forbidden', () => act(port))).toThrow(EffectForbidden);
    const performed = within('performed', () => act(port));
    expect(performed.scope).toMatchObject({ effects: [effect], escapes: [] });
    expect(state()).not.toBe(before);
  });

  it('stands before a function, whatever way it is called', async () => {
    const sent: string[] = [];
    const send = effectPort('send', async (text: string) => sent.push(text), { returns: { '': 7 } });
    const { scope, result } = within('captured', () => [
      send('a'),
      send.call(null, 'b'),
      send.apply(null, ['c']),
    ]);
    expect(sent).toEqual([]);
    expect(await Promise.all(result)).toEqual([7, 7, 7]);
    expect(
      scope.effects.map((effect) => [effectName(effect), effect.kind === 'call' && effect.args]),
    ).toEqual([
      ['send', ['a']],
      ['send', ['b']],
      ['send', ['c']],
    ]);
    expect(await within('performed', () => send('d')).result).toBe(1);
    expect(sent).toEqual(['d']);
  });

  it('answers a captured call of a method within as `returns` says', async () => {
    const port = effectPort('p', provider(), {
      returns: { 'customers.create': (name: string) => `no ${name}` },
    });
    expect(await within('captured', () => port.customers.create('a')).result).toBe('no a');
  });

  it('makes nothing of a class in a captured run, and says so', () => {
    const original = provider();
    const port = effectPort('p', original);
    const scope = new EffectScope('captured');
    expect(() => runInScope(scope, () => new port.Client('a'))).toThrow(EffectForbidden);
    expect(scope).toMatchObject({
      effects: [call('new Client', 'a')],
      escapes: [{ what: expect.any(String) }],
    });
    expect(original.made).toEqual([]);
    expect(new port.Client('b')).toBeInstanceOf(original.Client);
  });

  it('gives data as they are, and everything else the same each time', () => {
    const original = provider();
    const port = effectPort('p', original);
    const { scope } = within('captured', () => {
      expect([port.since, port.known, port.ready, port.bytes]).toEqual([
        original.since,
        original.known,
        original.ready,
        original.bytes,
      ]);
      expect(port.known).toBe(original.known);
      expect(port.since.getTime()).toBe(0);
    });
    expect(scope).toMatchObject({ effects: [], escapes: [] });
    expect(port.customers).toBe(port.customers);
    expect(port.nested.deeper.create).toBe(port.nested.deeper.create);
    expect(port.customers).toBeInstanceOf(Account);
    expect(port.customers.made).toEqual([]);
    expect(isDeepStrictEqual(Object.keys(port), Object.keys(original))).toBe(true);
    expect(Object.prototype.hasOwnProperty.call(port, 'limit')).toBe(true);
    expect(JSON.stringify(port.customers)).toBe('{"limit":1}');
  });

  it('stands before a list as before anything else', () => {
    const mails = effectPort('p', ['a']);
    const { scope, result } = within('captured', () => {
      mails.push('b');
      return mails.map((each) => each.toUpperCase());
    });
    expect(scope).toMatchObject({ effects: [call('push', 'b')], escapes: [] });
    expect(result).toEqual(['A']);
    expect([...mails]).toEqual(['a']);
  });

  it('leaves alone what `methods` does not name', () => {
    const sent: string[] = [];
    const object = {
      send: (text: string) => void sent.push(text),
      count: () => sent.length,
      inner: { send: (text: string) => void sent.push(text) },
    };
    const port = effectPort('p', object, { methods: ['send'] });
    const { scope, result } = within('captured', () => {
      port.send('a');
      port.inner.send('b');
      return port.count();
    });
    expect(result).toBe(1);
    expect(scope.effects).toEqual([call('send', 'a')]);
  });

  it('refuses to a run what the language keeps from being wrapped', () => {
    const sent: string[] = [];
    const port = effectPort('p', Object.freeze({ send: (text: string) => void sent.push(text) }));
    const scope = new EffectScope('captured');
    expect(() => runInScope(scope, () => port.send('a'))).toThrow(EffectForbidden);
    expect(scope.escapes).toEqual([{ what: 'p.send, which is frozen and cannot be wrapped' }]);
    const performed = within('performed', () => port.send('b'));
    expect(performed.scope.escapes).toEqual(scope.escapes);
    port.send('c');
    expect(sent).toEqual(['b', 'c']);
  });
});
