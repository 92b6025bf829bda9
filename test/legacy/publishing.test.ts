import { describe, expect, it } from '@jest/globals';
import { createBus } from '../../legacy/index.js';
import { earFor, errorOf } from './ears.js';

const bus = createBus();

class Party extends bus.Publisher() {
  readonly name = 'Ada';
  say(event: string, ...args: unknown[]) {
    return this.broadcast(event, ...args);
  }
}

describe('broadcast', () => {
  it('calls the listener before it returns, with the arguments', () => {
    // W1, W12
    const ear = earFor(['renamed']);
    const party = new Party().subscribe(ear);
    party.say('renamed', 'Ada', 7);
    expect(ear.heard).toEqual([['renamed', 'Ada', 7]]);
  });

  it('is the very function that publish is', () => {
    // W2
    expect(Reflect.get(Party.prototype, 'publish')).toBe(Reflect.get(Party.prototype, 'broadcast'));
  });

  it('gives back the publisher, whatever listeners return and with none at all', () => {
    // W3, W35, W11
    const party = new Party();
    expect(party.say('nobody_hears_this')).toBe(party);
    party.subscribe({ renamed: () => 'ignored' });
    expect(party.say('renamed')).toBe(party);
  });

  it('can be called from outside at run time', () => {
    // W4
    const ear = earFor(['renamed']);
    const party = new Party().subscribe(ear);
    expect(Reflect.get(party, 'broadcast').call(party, 'renamed')).toBe(party);
    expect(ear.heard).toHaveLength(1);
  });

  it('takes a String object for a string', () => {
    // W6, W43
    const ear = earFor(['renamed']);
    const Name = class extends String {};
    new Party().subscribe(ear).say(new Name('renamed') as string);
    expect(ear.heard).toEqual([['renamed']]);
  });

  it('turns every dash into an underscore', () => {
    // W7
    const ear = earFor(['foo_bar_baz']);
    new Party().subscribe(ear).say('foo-bar-baz', 1);
    expect(ear.heard).toEqual([['foo_bar_baz', 1]]);
  });

  it('leaves dashes in filters as they are, so that they match nothing', () => {
    // W8
    const ear = earFor(['foo_bar', 'foo-bar']);
    const blocks: string[] = [];
    new Party()
      .subscribe(ear, { on: 'foo-bar' })
      .on('foo-bar', () => blocks.push('called'))
      .say('foo-bar');
    expect(ear.heard).toEqual([]);
    expect(blocks).toEqual([]);
  });

  it('passes arguments by reference', () => {
    // W13
    const basket = { items: [] as string[] };
    const seen: number[] = [];
    new Party()
      .subscribe({ filled: (given: typeof basket) => given.items.push('pear') })
      .subscribe({ filled: (given: typeof basket) => seen.push(given.items.length) })
      .say('filled', basket);
    expect(seen).toEqual([1]);
    expect(basket.items).toEqual(['pear']);
  });

  it('reaches a publisher that subscribed itself', () => {
    // W20
    class Echo extends bus.Publisher() {
      readonly heard: unknown[] = [];
      rang(...args: unknown[]) {
        this.heard.push(args);
      }
      ring() {
        this.broadcast('rang', 1);
      }
    }
    const echo = new Echo();
    echo.subscribe(echo).ring();
    expect(echo.heard).toEqual([[1]]);
  });
});

describe('the name of a broadcast', () => {
  it.each([
    // W9, W10, H20
    undefined,
    null,
    5,
    Symbol('renamed'),
    {},
    ['renamed'],
    '',
    ' ',
    'a b',
    'ready?',
    'save!',
    '_private',
    '-a',
    '9lives',
    'constructor',
    'prototype',
    'then',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'isPrototypeOf',
    'toLocaleString',
    'propertyIsEnumerable',
    '__proto__',
    '__defineGetter__',
    'a'.repeat(201),
    'zwölf',
    'a\n',
  ])('is refused when it is %p, and nobody is called', (name) => {
    let calls = 0;
    const catchAll = { methodFor: () => () => (calls += 1) };
    const party = new Party().subscribe(catchAll);
    expect(() => party.say(name as string)).toThrow(errorOf('invalid_event_name'));
    expect(calls).toBe(0);
  });

  it('is refused when there is none', () => {
    // W10
    const party = new Party();
    expect(() => Reflect.get(party, 'broadcast').call(party)).toThrow(errorOf('invalid_event_name'));
  });

  it.each(['a', 'orderPlaced', 'order.placed', 'shop:order.placed', 'a'.repeat(200), 'v2'])(
    'may be %s',
    (name) => {
      const ear = earFor([name]);
      new Party().subscribe(ear).say(name);
      expect(ear.heard).toEqual([[name]]);
    },
  );

  it('is still checked after more names than the bus remembers', () => {
    const ear = earFor(['renamed']);
    const party = new Party().subscribe(ear);
    for (let number = 0; number < 2500; number += 1) party.say(`event-${number}`);
    party.say('renamed');
    expect(ear.heard).toEqual([['renamed']]);
    expect(() => party.say('toString')).toThrow(errorOf('invalid_event_name'));
  });
});

describe('a publisher', () => {
  it('stays free of properties, also after it has subscribed and broadcast', () => {
    // W15, W19
    const party = new Party().subscribe(earFor(['renamed'])).on('renamed', () => {});
    party.say('renamed');
    expect(Reflect.ownKeys(party)).toEqual(['name']);
    expect(JSON.stringify(party)).toBe('{"name":"Ada"}');
    expect(structuredClone(party)).toEqual({ name: 'Ada' });
    const enumerable: string[] = [];
    for (const key in party) enumerable.push(key);
    expect(enumerable).toEqual(['name']);
  });

  it('needs no constructor call', () => {
    // W15
    const ear = earFor(['renamed']);
    const party = Object.create(Party.prototype) as Party;
    party.subscribe(ear).say('renamed');
    expect(ear.heard).toHaveLength(1);
  });

  it('may be frozen', () => {
    // W17
    const ear = earFor(['renamed']);
    Object.freeze(new Party()).subscribe(ear).say('renamed');
    expect(ear.heard).toHaveLength(1);
  });

  it('does not share its listeners with a copy', () => {
    // W18
    const ear = earFor(['renamed']);
    const party = new Party().subscribe(ear);
    const copy = Object.assign(Object.create(Party.prototype) as Party, party);
    copy.say('renamed');
    expect(copy.listeners).toEqual([]);
    expect(ear.heard).toEqual([]);
  });

  it('keeps what its base class has: constructor, members and statics', () => {
    // W14
    class Entity {
      static readonly table: string = 'entities';
      readonly id: number;
      readonly tags: readonly string[];
      constructor(id: number, ...tags: string[]) {
        this.id = id;
        this.tags = tags;
      }
      describe() {
        return `${this.id} ${this.tags.join()}`;
      }
    }
    class Quote extends bus.Publisher(Entity) {}
    const quote = new Quote(4, 'a', 'b');
    expect(quote.describe()).toBe('4 a,b');
    expect(Quote.table).toBe('entities');
    expect(quote).toBeInstanceOf(Entity);
    expect(Quote.name).toBe('Quote');
  });

  it('offers subscribe, on and listeners, and no unsubscribe of its own', () => {
    // W5
    const party = new Party();
    expect(typeof party.subscribe).toBe('function');
    expect(typeof party.on).toBe('function');
    expect(party.listeners).toEqual([]);
    expect('unsubscribe' in party).toBe(false);
  });
});

describe('a single object made a publisher', () => {
  it('publishes, while its class does not', () => {
    // W16
    const ear = earFor(['opened']);
    const door = { colour: 'red' };
    const publishing = bus.publisher(door);
    expect(publishing).toBe(door);
    expect(publishing.subscribe(ear).broadcast('opened', 1)).toBe(door);
    expect(ear.heard).toEqual([['opened', 1]]);
    expect(Object.keys(door)).toEqual(['colour']);
    expect(JSON.stringify(door)).toBe('{"colour":"red"}');
  });

  it('may be a class, whose subscribe is then local', () => {
    // W16
    const ear = earFor(['loaded']);
    const Catalogue = bus.publisher(class Catalogue extends bus.Publisher() {});
    expect(Catalogue.subscribe(ear)).toBe(Catalogue);
    Catalogue.broadcast('loaded');
    expect(ear.heard).toEqual([['loaded']]);
    expect(bus.listeners).toEqual([]);
  });

  it('is refused when it is frozen', () => {
    // W17
    expect(() => bus.publisher(Object.freeze({}))).toThrow(
      errorOf('invalid_argument', /before it is frozen/),
    );
  });
});
