import { isDeepStrictEqual } from 'node:util';
import { effectName, type Effect } from '../../src/index.js';
import { bodyOf } from './effect-body.js';
import { below } from './field-path.js';

/** One place where the two sides differ. */
export interface Difference {
  /** The effect, and the field within it: `mails.send › 0 › subject`. */
  readonly path: string;
  /** Left out: there was none. */
  readonly listener?: unknown;
  readonly handler?: unknown;
}

export function between(listener: Effect | undefined, handler: Effect | undefined): readonly Difference[] {
  if (listener === undefined && handler === undefined) return [];
  if (listener === undefined || handler === undefined) {
    const only = (listener ?? handler) as Effect;
    return [{ path: effectName(only), ...(listener && { listener }), ...(handler && { handler }) }];
  }
  if (effectName(listener) !== effectName(handler)) {
    return [{ path: `${effectName(listener)} in its place`, listener, handler }];
  }
  return fieldsBetween(bodyOf(listener), bodyOf(handler), effectName(listener));
}

function fieldsBetween(listener: unknown, handler: unknown, path: string): readonly Difference[] {
  if (isDeepStrictEqual(listener, handler)) return [];
  if (!isTree(listener) || !isTree(handler) || Array.isArray(listener) !== Array.isArray(handler)) {
    return [{ path, ...(listener !== undefined && { listener }), ...(handler !== undefined && { handler }) }];
  }
  const keys = new Set([...Object.keys(listener), ...Object.keys(handler)]);
  return [...keys].flatMap((key) =>
    fieldsBetween(ownField(listener, key), ownField(handler, key), below(path, key)),
  );
}

/** Its fields are all there is to it: a Date or a Map has none, and is no other for that. */
export function isTree(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What every object inherits, such as its prototype, is no field of the one that lacks it. */
function ownField(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
