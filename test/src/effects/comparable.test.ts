import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { effectPort, EffectScope, effectQueue, runInScope } from 'handover';

const port = effectPort('p', { send: (..._args: unknown[]) => undefined });

function noted(...args: unknown[]) {
  const scope = new EffectScope('captured');
  runInScope(scope, () => port.send(...args));
  const [effect] = scope.effects;
  return { args: effect?.kind === 'call' && effect.args, escapes: scope.escapes.map(({ what }) => what) };
}

class Secret {
  readonly #inner: number;

  constructor(inner: number) {
    this.#inner = inner;
  }

  get shown() {
    return this.#inner > 100;
  }
}

class Customer {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

function cycle(name: string) {
  const object: Record<string, unknown> = { name };
  object['self'] = object;
  return object;
}

const unlike: readonly (readonly [string, unknown, unknown])[] = [
  ['undefined and null', [undefined], [null]],
  ['NaN and null', Number.NaN, null],
  ['two infinities', Infinity, -Infinity],
  ['both zeros', 0, -0],
  ['an invalid date and null', new Date(Number.NaN), null],
  ['a date and its text', new Date(5), new Date(5).toISOString()],
  ['a date and an object that looks like one', new Date(5), { '<date>': new Date(5).toISOString() }],
  ['maps', new Map([['a', 1]]), new Map([['a', 2]])],
  ['a map and an empty object', new Map(), {}],
  ['maps of other keys', new Map([[1, 1]]), new Map([['1', 1]])],
  ['sets', new Set([1]), new Set([2])],
  ['errors', new Error('a'), new Error('b')],
  ['patterns', /a/, /b/],
  ['a URL and its text', new URL('http://a/'), 'http://a/'],
  ['queries', new URLSearchParams('a=1'), new URLSearchParams('a=2')],
  ['headers', new Headers({ a: '1' }), new Headers({ a: '2' })],
  ['buffers', new Uint8Array([1]).buffer, new Uint8Array([2]).buffer],
  ['bytes and words', new Uint8Array([1, 0]), new Uint16Array([1])],
  ['bytes and their JSON', Buffer.from('a'), Buffer.from('a').toJSON()],
  ['a bigint and text', 5n, '5n'],
  ['a bigint and its digits', 5n, '5'],
  ['fields of the prototype', JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":2}')],
];

const opaque: readonly (readonly [string, () => unknown, string])[] = [
  ['a function', () => () => 1, 'a function'],
  ['a symbol', () => Symbol('a'), 'a symbol'],
  ['a promise', () => Promise.resolve(1), 'a promise'],
  ['a cycle', () => cycle('a'), 'a cycle'],
  ['private fields', () => new Secret(1), 'an instance that hides what it holds'],
  ['a weak map', () => new WeakMap(), 'an instance that hides what it holds'],
  ['a file', () => new Blob(['a']), 'an instance that hides what it holds'],
  ['fields of symbols', () => ({ [Symbol('a')]: 1 }), 'an instance that hides what it holds'],
  [
    'a getter that throws',
    () => ({
      get a() {
        throw new Error('no');
      },
    }),
    'a value that cannot be read',
  ],
];

describe('arguments that are compared', () => {
  it.each(unlike)('tell %s apart', (_title, left, right) => {
    const [one, other] = [noted({ left, within: [left] }), noted({ left: right, within: [right] })];
    expect(isDeepStrictEqual(one.args, other.args)).toBe(false);
    expect([...one.escapes, ...other.escapes]).toEqual([]);
    expect(isDeepStrictEqual(JSON.parse(JSON.stringify(one.args)), one.args)).toBe(true);
  });

  it.each(opaque)('make what was noted untrusted by %s', (_title, value, what) => {
    const { args, escapes } = noted('a', { deep: [value()] });
    expect(escapes).toEqual([`an argument that cannot be compared: ${what}`]);
    expect(JSON.parse(JSON.stringify(args))).toEqual(args);
  });

  it('are equal where they say the same', () => {
    const same: readonly (readonly [unknown[], unknown[]])[] = [
      [['a'], ['a', undefined, undefined]],
      [[{ a: undefined }], [{}]],
      [[new Customer('ann')], [{ name: 'ann' }]],
      [[Buffer.from('a')], [new Uint8Array([97])]],
      [[new Set(['a', 'b'])], [new Set(['b', 'a'])]],
      [
        [
          new Map([
            ['a', 1],
            ['b', 2],
          ]),
        ],
        [
          new Map([
            ['b', 2],
            ['a', 1],
          ]),
        ],
      ],
      [[{ toJSON: () => 'text' }], ['text']],
    ];
    for (const [left, right] of same) expect(noted(...left)).toEqual(noted(...right));
  });

  it('are what they were at the call', () => {
    const tags = new Set(['a']);
    const scope = new EffectScope('captured');
    runInScope(scope, () => port.send(tags));
    tags.add('b');
    expect(scope.effects).toMatchObject([{ args: [{ '<set>': ['a'] }] }]);
  });

  it('keep the names of what they hold, by which secrets are known', () => {
    const { args } = noted(
      new Map([['token', 1]]),
      new Headers({ cookie: 'a' }),
      new URLSearchParams('token=1&token=2'),
    );
    expect(args).toEqual([
      { '<map>': { token: 1 } },
      { '<headers>': { cookie: 'a' } },
      { '<search>': { token: ['1', '2'] } },
    ]);
  });

  it('of a job are compared alike', async () => {
    const queue = effectQueue({ name: 'q', add: async (_name: string, _data: unknown) => undefined });
    const scope = new EffectScope('captured');
    await runInScope(scope, () => queue.add('a', { amount: Number.NaN, done: () => 1 }));
    expect(scope.effects).toMatchObject([{ data: { amount: { '<number>': 'NaN' } }, options: null }]);
    expect(scope.escapes).toEqual([{ what: 'an argument that cannot be compared: a function' }]);
  });
});
