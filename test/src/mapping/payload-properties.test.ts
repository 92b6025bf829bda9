import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { InvalidPayload } from '../../../src/errors/event-errors.js';
import { HandoverError } from '../../../src/errors/handover-error.js';
import { normalisePayload, type Payload } from '../../../src/mapping/payload.js';
import { restoreDates } from '../../../src/mapping/restore-dates.js';

const text = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('\\u0000', '\\ud800', '"', ''),
  )
  .map((value) => value.replaceAll('\0', ''));
const key = fc
  .oneof(text, fc.constantFrom('constructor', 'toString', 'toJSON', '0', 'a b', 'ünit', '$', 'class'))
  .filter((name) => name !== '__proto__');
const number = fc
  .double({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, noNaN: true })
  .map((value) => (value === 0 ? 0 : value));
const leaf = fc.oneof(text, number, fc.boolean(), fc.constant(null), fc.date({ noInvalidDate: true }));
const { clean } = fc.letrec<{ clean: unknown }>((tie) => ({
  clean: fc.oneof(
    { maxDepth: 6 },
    leaf,
    fc.array(tie('clean'), { maxLength: 5 }),
    fc.dictionary(key, tie('clean'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

const poison = fc.constantFrom<unknown>(
  'a\0b',
  '\ud800x',
  NaN,
  Infinity,
  2 ** 53,
  10n,
  () => 1,
  Symbol('poison'),
  new Date(NaN),
  new Map([[1, 2]]),
  new Set([1]),
  new WeakMap(),
  Promise.resolve(1),
  /x/,
  new Error('x'),
  Buffer.from('x'),
  new Uint8Array(1),
  Object(1),
);

type Wrap = { readonly wrap: (inner: unknown) => unknown };
const inObject: fc.Arbitrary<Wrap> = fc
  .tuple(
    key.filter((name) => name !== 'toJSON'),
    fc.dictionary(key, clean, { maxKeys: 3 }),
    fc.dictionary(key, clean, { maxKeys: 3 }),
  )
  .map(([name, before, after]) => ({
    wrap: (inner) => {
      const { [name]: _, ...rest } = after;
      return { ...before, [name]: inner, ...rest };
    },
  }));
const inArray: fc.Arbitrary<Wrap> = fc
  .tuple(fc.array(clean, { maxLength: 3 }), fc.array(clean, { maxLength: 3 }))
  .map(([before, after]) => ({ wrap: (inner) => [...before, inner, ...after] }));
const wraps = fc.array(fc.oneof(inObject, inArray), { maxLength: 8 });

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withObjectString: true,
  withSparseArray: true,
  withTypedArray: true,
});

function isFrozenThroughout(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozenThroughout);
}

describe('any payload', () => {
  it('reads back as the data that handlers saw, and as what was given', () => {
    fc.assert(
      fc.property(clean, (value) => {
        const { data, json, dates, bytes } = normalisePayload('E', value, '$');
        const storedDates: typeof dates = JSON.parse(JSON.stringify(dates));
        const read = restoreDates(JSON.parse(json), storedDates);
        expect(isDeepStrictEqual(read, data)).toBe(true);
        expect(isDeepStrictEqual(data, value)).toBe(true);
        expect(json).toBe(JSON.stringify(value));
        expect(bytes).toBe(Buffer.byteLength(JSON.stringify(value)));
        expect(isFrozenThroughout(data) && isFrozenThroughout(read)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused for one bad value, with a path that leads to it', () => {
    fc.assert(
      fc.property(poison, wraps, (bad, layers) => {
        const value = layers.reduce<unknown>((inner, { wrap }) => wrap(inner), bad);
        const error = outcomeOf(value);
        if (!(error instanceof InvalidPayload)) throw new Error('Expected InvalidPayload.');
        const found: unknown = runInNewContext(error.path, { $: value });
        expect(Object.is(found, bad)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is taken or refused with an error of the family, and what is taken reads back', () => {
    let taken = 0;
    let refused = 0;
    fc.assert(
      fc.property(anything, (value) => {
        const result = outcomeOf(value);
        if (result instanceof HandoverError) {
          refused++;
          return;
        }
        taken++;
        const read = restoreDates(JSON.parse(result.json), result.dates);
        expect(isDeepStrictEqual(read, result.data)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(taken, refused)).toBeGreaterThan(100);
  });
});

/** The payload, or the family's error that refuses it. Other errors pass through and fail the test. */
function outcomeOf(value: unknown): Payload | HandoverError {
  try {
    return normalisePayload('E', value, '$');
  } catch (error) {
    if (error instanceof HandoverError) return error;
    throw error;
  }
}
