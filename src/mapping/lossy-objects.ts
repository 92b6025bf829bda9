import { types } from 'node:util';

/** Why an object cannot be stored, and what to store instead. */
export interface Lossy {
  readonly reason: string;
  readonly remedy: string;
}

interface Kind extends Lossy {
  readonly matches: (value: object) => boolean;
}

const kinds: readonly Kind[] = [
  {
    matches: isBinary,
    reason: 'binary data',
    remedy:
      'Store a string, `Buffer.from(bytes).toString("base64")`, or keep the bytes elsewhere and store their key.',
  },
  {
    matches: types.isMap,
    reason: 'a Map',
    remedy: 'Store a plain object, `Object.fromEntries(map)`, or pairs, `[...map]`.',
  },
  { matches: types.isSet, reason: 'a Set', remedy: 'Store an array: `[...set]`.' },
  {
    matches: (value) => types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef,
    reason: 'a weak collection or reference',
    remedy: 'Leave it out, or store what it refers to: its members cannot be listed.',
  },
  { matches: types.isPromise, reason: 'a Promise', remedy: 'Await it and store what it resolves to.' },
  {
    matches: types.isRegExp,
    reason: 'a RegExp',
    remedy: 'Store its `source` and `flags` as strings.',
  },
  {
    matches: types.isNativeError,
    reason: 'an Error',
    remedy: 'Store the parts that matter as strings, such as `error.name` and `error.message`.',
  },
  {
    matches: types.isBoxedPrimitive,
    reason: 'a primitive in an object wrapper',
    remedy: 'Store the primitive itself: `value.valueOf()`.',
  },
  {
    matches: isOpaque,
    reason: 'an object whose content JSON cannot see',
    remedy: 'Store a plain object with the values that matter, or give its class a `toJSON()` method.',
  },
];

/** What JSON would lose of `value`, which has no `toJSON` and is neither plain, nor an array, nor a date. */
export function findLoss(value: object): Lossy | undefined {
  return kinds.find((kind) => kind.matches(value));
}

/** Binary data is refused although `Buffer` has a `toJSON`: that one makes four times the bytes. */
export function isBinary(value: object): boolean {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

/** Nothing to list, yet signs of content: an iterator, a web object such as `Headers`, or private fields behind getters. */
function isOpaque(value: object): boolean {
  if (Object.keys(value).length > 0) return false;
  return Symbol.iterator in value || Symbol.toStringTag in value || hasGetters(Object.getPrototypeOf(value));
}

function hasGetters(prototype: unknown): boolean {
  if (typeof prototype !== 'object' || prototype === null || Object.hasOwn(prototype, 'isPrototypeOf'))
    return false;
  const own = Object.values(Object.getOwnPropertyDescriptors(prototype));
  return own.some((property) => property.get !== undefined) || hasGetters(Object.getPrototypeOf(prototype));
}
