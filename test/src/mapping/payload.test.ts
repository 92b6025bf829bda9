import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { InvalidPayload, PayloadTooLarge } from '../../../src/errors/event-errors.js';
import { defaultLimits, largestPayload } from '../../../src/mapping/payload-limits.js';
import { normalisePayload } from '../../../src/mapping/payload.js';

// H19

function normalise(value: unknown, limits: Partial<typeof defaultLimits> = {}) {
  return normalisePayload('OrderPlaced', value, '$', { ...defaultLimits, ...limits });
}

function refusal(value: unknown, limits: Partial<typeof defaultLimits> = {}): InvalidPayload {
  const error = failure(() => normalise(value, limits));
  if (error instanceof InvalidPayload) return error;
  throw new Error('Expected InvalidPayload.', { cause: error });
}

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('Expected a refusal, and nothing was refused.');
}

function sizeError(value: unknown, maxBytes: number): PayloadTooLarge {
  const error = failure(() => normalise(value, { maxBytes }));
  if (error instanceof PayloadTooLarge) return error;
  throw new Error('Expected PayloadTooLarge.', { cause: error });
}

function metadata(value: unknown) {
  return normalisePayload('OrderPlaced', value, 'metadata', defaultLimits);
}

function copyOf<T>(value: T): T {
  const { data } = normalise(value);
  assertEqual(data, value);
  return data;
}

function assertEqual<T>(value: unknown, expected: T): asserts value is T {
  if (!isDeepStrictEqual(value, expected)) throw new Error('The copy differs from the original.');
}

function nested(levels: number): unknown {
  let value: unknown = 'core';
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { in: value };
  return value;
}

class Circle {
  self: unknown = this;
}

class Money {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  get cents(): number {
    return this.#cents;
  }
}

class Price extends Money {
  toJSON(): unknown {
    return { cents: this.cents };
  }
}

class Point {
  x = 1;
  y = 2;
  get sum(): number {
    return this.x + this.y;
  }
  move(): void {}
}

describe('a normalised payload', () => {
  it('is a copy that later changes of the original do not reach', () => {
    const original = { items: [{ price: 1 }] };
    const payload = normalise(original);
    original.items[0]!.price = 2;
    expect(payload.data).toEqual({ items: [{ price: 1 }] });
    expect(payload.json).toBe('{"items":[{"price":1}]}');
  });

  it('leaves the original unfrozen', () => {
    const original = { items: [new Date(0)] };
    normalise(original);
    expect(Object.isFrozen(original) || Object.isFrozen(original.items)).toBe(false);
    expect(original.items[0]!.setTime(1)).toBe(1);
  });

  it('is frozen to its depths', () => {
    const data = copyOf({ items: [{ price: 1 }] });
    expect(() => (data.items[0]!.price = 2)).toThrow(TypeError);
    expect(() => data.items.push({ price: 3 })).toThrow(TypeError);
  });

  it.each([
    ['text', '"text"'],
    [12.5, '12.5'],
    [true, 'true'],
    [null, 'null'],
    [[], '[]'],
    [{}, '{}'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [Number.MIN_SAFE_INTEGER, '-9007199254740991'],
    [5e-324, '5e-324'],
    ['back\\u0000slash \\ud800', String.raw`"back\\u0000slash \\ud800"`],
    ['😀', '"😀"'],
  ])('takes %j as it is', (value, json) => {
    expect(normalise(value)).toMatchObject({ data: value, json });
  });

  it('counts its bytes as UTF-8', () => {
    expect(normalise({ name: 'Jürgen 😀' }).bytes).toBe(23);
  });

  it('drops properties that are undefined', () => {
    const { data, json } = normalise({ kept: 1, dropped: undefined });
    expect(data).toStrictEqual({ kept: 1 });
    expect(json).toBe('{"kept":1}');
  });

  it('turns minus zero into zero', () => {
    expect(normalise([-0]).data).toStrictEqual([0]);
  });

  it('keeps a date as a date of its own and notes its place', () => {
    const at = new Date('2024-02-29T12:00:00.000Z');
    const { data, json, dates } = normalise({ lines: [{ at }] });
    at.setTime(0);
    expect(data).toEqual({ lines: [{ at: new Date('2024-02-29T12:00:00.000Z') }] });
    expect(json).toBe('{"lines":[{"at":"2024-02-29T12:00:00.000Z"}]}');
    expect(dates).toEqual([['lines', 0, 'at']]);
  });

  it('lets nobody move its dates', () => {
    const date = copyOf(new Date(0));
    expect(() => date.setTime(1)).toThrow(TypeError);
    expect(() => date.setUTCFullYear(1999)).toThrow(TypeError);
    expect(date.getTime()).toBe(0);
    expect(date).toStrictEqual(new Date(0));
  });

  it('takes what toJSON returns, asks once, and passes the key', () => {
    const keys: string[] = [];
    const total = { toJSON: (key: string) => (keys.push(key), { cents: 5 }) };
    expect(normalise({ total }).data).toEqual({ total: { cents: 5 } });
    expect(keys).toEqual(['total']);
  });

  it('drops a property whose toJSON returns undefined', () => {
    expect(normalise({ gone: { toJSON: () => undefined } }).json).toBe('{}');
  });

  it('stores a URL as the text that its toJSON gives', () => {
    expect(normalise({ link: new URL('https://example.com/a') }).data).toEqual({
      link: 'https://example.com/a',
    });
  });

  it('stores a Map whose class has a toJSON', () => {
    class Basket extends Map<string, number> {
      toJSON(): unknown {
        return Object.fromEntries(this);
      }
    }
    expect(normalise(new Basket([['a', 1]])).data).toEqual({ a: 1 });
  });

  it('stores an instance of a class by its own properties', () => {
    expect(normalise(new Point()).data).toStrictEqual({ x: 1, y: 2 });
    expect(normalise(new Price(5)).data).toStrictEqual({ cents: 5 });
  });

  it('takes objects without a prototype, of another realm, and behind a proxy', () => {
    const bare = { __proto__: null, a: 1 };
    const foreign: unknown = runInNewContext('({ list: [{ at: new Date(0) }] })');
    expect(normalise(bare).data).toStrictEqual({ a: 1 });
    expect(normalise(foreign).data).toStrictEqual({ list: [{ at: new Date(0) }] });
    expect(normalise(new Proxy({ a: [1] }, {})).data).toStrictEqual({ a: [1] });
  });

  it('takes one object in two places', () => {
    const shared = { a: 1 };
    expect(normalise({ x: shared, y: [shared, shared] }).json).toBe('{"x":{"a":1},"y":[{"a":1},{"a":1}]}');
  });

  it('takes keys that every object inherits', () => {
    expect(normalise({ constructor: 1, toString: 2, hasOwnProperty: 3 }).json).toBe(
      '{"constructor":1,"toString":2,"hasOwnProperty":3}',
    );
  });
});

describe('a payload is refused', () => {
  const circle = { list: [] as unknown[] };
  circle.list.push({ back: circle });

  it.each<[string, unknown, string, RegExp, RegExp]>([
    ['for a NUL in a string', { a: ['x\0y'] }, '$.a[0]', /NUL character in a string/, /Remove it/],
    ['for a NUL in a key', { a: { 'x\0': 1 } }, '$.a["x\\u0000"]', /NUL character in a key/, /Remove it/],
    ['for a lone surrogate in a string', { a: '\ud83d' }, '$.a', /surrogate pair in a string/, /Remove it/],
    [
      'for a lone surrogate in a key',
      { '\udc00': 1 },
      '$["\\udc00"]',
      /surrogate pair in a key/,
      /Remove it/,
    ],
    ['for NaN', { a: NaN }, '$.a', /NaN/, /null/],
    ['for infinity', [Infinity], '$[0]', /Infinity/, /null/],
    ['for minus infinity', [-Infinity], '$[0]', /-Infinity/, /null/],
    ['for an integer beyond 2^53', { id: 2 ** 53 }, '$.id', /cannot hold exactly/, /string/],
    ['for an integer below -2^53', { id: -(2 ** 53) }, '$.id', /cannot hold exactly/, /string/],
    ['for a BigInt', { id: 1n }, '$.id', /BigInt/, /String\(value\)/],
    ['for a function', { f: () => 1 }, '$.f', /function/, /Leave it out/],
    ['for a symbol', { s: Symbol('s') }, '$.s', /symbol/, /description/],
    ['for a symbol as a key', { a: { [Symbol('s')]: 1 } }, '$.a[Symbol(s)]', /key is a symbol/, /string/],
    ['for undefined in an array', [1, undefined], '$[1]', /undefined in an array/, /null/],
    ['for a hole in an array', [1, 1].concat(Array(1)), '$[2]', /hole/, /null/],
    ['for undefined as a whole', undefined, '$', /undefined/, /`\{\}`/],
    ['for an invalid date', { at: new Date(NaN) }, '$.at', /invalid Date/, /null/],
    ['for a Map', { m: new Map() }, '$.m', /a Map/, /fromEntries/],
    ['for a Set', { m: new Set() }, '$.m', /a Set/, /\[\.\.\.set\]/],
    ['for a WeakMap', { m: new WeakMap() }, '$.m', /weak/, /Leave it out/],
    ['for a WeakSet', { m: new WeakSet() }, '$.m', /weak/, /Leave it out/],
    ['for a WeakRef', { m: new WeakRef({}) }, '$.m', /weak/, /Leave it out/],
    ['for a Promise', { m: Promise.resolve() }, '$.m', /Promise/, /Await/],
    ['for a RegExp', { m: /x/ }, '$.m', /RegExp/, /source/],
    ['for an Error', { m: new TypeError('x') }, '$.m', /an Error/, /error\.message/],
    ['for an ArrayBuffer', { m: new ArrayBuffer(1) }, '$.m', /binary/, /base64/],
    ['for a typed array', { m: new Uint8Array(1) }, '$.m', /binary/, /base64/],
    ['for a DataView', { m: new DataView(new ArrayBuffer(1)) }, '$.m', /binary/, /base64/],
    ['for a Buffer', { m: Buffer.from('x') }, '$.m', /binary/, /base64/],
    ['for a boxed primitive', { m: Object('x') as unknown }, '$.m', /wrapper/, /valueOf/],
    ['for an iterator', { m: [1].values() }, '$.m', /cannot see/, /plain object/],
    ['for a web object', { m: new URLSearchParams('a=1') }, '$.m', /cannot see/, /plain object/],
    ['for private state behind getters', { m: new Money(5) }, '$.m', /cannot see/, /toJSON/],
    ['for a circle', circle, '$.list[0].back', /circle back to \$/, /id/],
    ['for a circle of instances', { a: new Circle() }, '$.a.self', /circle back to \$\.a/, /id/],
    [
      'for the key __proto__',
      JSON.parse('{"a":{"__proto__":{"x":1}}}'),
      '$.a.__proto__',
      /prototype/,
      /another name/,
    ],
    [
      'for a function within what toJSON returns',
      { a: { toJSON: () => ({ f: () => 1 }) } },
      '$.a.f',
      /function/,
      /Leave/,
    ],
  ])('%s, with its path and a remedy', (_, value, path, reason, remedy) => {
    const error = refusal(value);
    expect(error).toMatchObject({ code: 'invalid_payload', eventType: 'OrderPlaced', path });
    expect(error.reason).toMatch(reason);
    expect(error.message.split('→')[1]).toMatch(remedy);
  });

  it('with a path that reads as code', () => {
    const value = { items: [0, { 'a b': { ünit: { '1st': NaN } } }] };
    expect(refusal(value).path).toBe('$.items[1]["a b"].ünit["1st"]');
  });

  it('with a path that stays short when a key is long', () => {
    expect(refusal({ ['k'.repeat(10_000)]: NaN }).path.length).toBeLessThan(300);
  });

  it('when a getter throws, with what it threw as the cause', () => {
    const cause = new Error('not loaded');
    const value = {
      lines: [
        {
          get total(): number {
            throw cause;
          },
        },
      ],
    };
    expect(refusal(value)).toMatchObject({ path: '$.lines[0].total', cause });
  });

  it('when toJSON throws, with what it threw as the cause', () => {
    const cause = new InvalidPayload('Another', '$', 'a mistake', 'Mend it.');
    const toJSON = () => {
      throw cause;
    };
    expect(refusal({ a: { toJSON } })).toMatchObject({ path: '$.a', cause, eventType: 'OrderPlaced' });
  });

  it('when a proxy throws or is revoked', () => {
    const cause = new Error('trap');
    const ownKeys = () => {
      throw cause;
    };
    expect(refusal({ a: new Proxy({}, { ownKeys }) })).toMatchObject({ path: '$.a', cause });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusal([proxy])).toMatchObject({ path: '$[0]', cause: expect.any(Error) });
  });

  it('when toJSON returns ever new objects', () => {
    const endless = (): unknown => ({ toJSON: () => ({ next: endless() }) });
    expect(refusal(endless()).reason).toMatch(/nesting/);
  });
});

describe('the depth of a payload', () => {
  it('may reach the limit and not pass it', () => {
    expect(normalise(nested(64)).json).toHaveLength(294);
    expect(refusal(nested(65)).reason).toBe('a nesting deeper than 64 levels');
    expect(refusal([[[1]]], { maxDepth: 2 }).path).toBe('$[0][0]');
  });

  it('is refused without overflowing the stack when it is absurd', () => {
    expect(refusal(nested(100_000)).reason).toMatch(/nesting deeper than 64/);
  });
});

describe('the size of a payload', () => {
  it('may reach the limit and not pass it', () => {
    expect(normalise('x'.repeat(98), { maxBytes: 100 }).bytes).toBe(100);
    expect(sizeError('x'.repeat(99), 100)).toMatchObject({ size: 101, limit: 100, eventType: 'OrderPlaced' });
  });

  it('is counted in bytes, not in characters', () => {
    expect(sizeError('ü'.repeat(60), 100).size).toBe(122);
    expect(sizeError('\n'.repeat(60), 100).size).toBe(122);
  });

  it('is exact up to four times the limit', () => {
    const value = {
      list: Array.from({ length: 100 }, (_, n) => ({ n, text: 'ü', at: new Date(n), no: false })),
    };
    const size = Buffer.byteLength(JSON.stringify(value));
    expect(sizeError(value, Math.ceil(size / 3)).size).toBe(size);
    expect(sizeError(value, size - 1).size).toBe(size);
    expect(normalise(value, { maxBytes: size }).bytes).toBe(size);
  });

  it('ends the walk early when it is hopeless', () => {
    let read = 0;
    const list = new Proxy(
      Array.from({ length: 10_000 }, () => 'x'.repeat(98)),
      {
        get: (target, key, receiver) => (read++, Reflect.get(target, key, receiver) as unknown),
      },
    );
    expect(sizeError({ list }, 1000).size).toBeLessThanOrEqual(20_000);
    expect(read).toBeLessThan(100);
  });

  it('ends the walk early when shared references multiply', () => {
    let bomb: unknown[] = [];
    for (let level = 0; level < 60; level++) bomb = [bomb, bomb];
    expect(sizeError(bomb, 10_000).size).toBeGreaterThan(40_000);
  });

  it('never passes 16 MiB, whatever the limit says', () => {
    expect(sizeError('x'.repeat(largestPayload), Infinity).limit).toBe(largestPayload);
  });
});

describe('metadata', () => {
  it('is a plain object', () => {
    expect(metadata({ actor: 'u1', at: new Date(0) })).toMatchObject({
      json: '{"actor":"u1","at":"1970-01-01T00:00:00.000Z"}',
      dates: [['at']],
    });
  });

  it.each([
    [null],
    [undefined],
    ['text'],
    [[]],
    [new Date(0)],
    [new Map()],
    [new Point()],
    [{ toJSON: () => 'x' }],
  ])('is refused when it is %p', (value) => {
    expect(failure(() => metadata(value))).toMatchObject({
      code: 'invalid_payload',
      path: 'metadata',
      message: expect.stringContaining('plain object'),
    });
  });

  it('names its paths after itself', () => {
    expect(failure(() => metadata({ user: { id: 1n } }))).toMatchObject({ path: 'metadata.user.id' });
  });
});
