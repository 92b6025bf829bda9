import { types } from 'node:util';
import { freezeDate } from './freeze.js';
import { findLoss, isBinary } from './lossy-objects.js';
import { printPath } from './path.js';
import { isPlainObject } from './plain-object.js';
import { refuse, spend, type Walk } from './walk.js';

/** The frozen copy of `value`, or `undefined` where JSON leaves it out. Text is checked later, in one go. */
export function copyValue(walk: Walk, value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      spend(walk, value.length + 2);
      return value;
    case 'number':
      return copyNumber(walk, value);
    case 'boolean':
      walk.size += 4;
      return value;
    case 'object':
      return value === null ? copyNull(walk) : copyObject(walk, value);
    case 'undefined':
      return undefined;
    default:
      return refuseType(walk, value);
  }
}

function refuseType(walk: Walk, value: unknown): never {
  if (typeof value === 'bigint') refuse(walk, 'a BigInt', 'Store it as a string: `String(value)`.');
  if (typeof value === 'symbol') refuse(walk, 'a symbol', 'Leave it out, or store its `description`.');
  return refuse(walk, 'a function', 'Leave it out, or store what it returns.');
}

function copyNull(walk: Walk): null {
  walk.size += 4;
  return null;
}

function copyNumber(walk: Walk, value: number): number {
  walk.size += 1;
  if (value === 0) return 0;
  if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return value;
  if (Number.isFinite(value)) {
    return refuse(walk, 'a number that a double cannot hold exactly', 'Store it as a string.');
  }
  return refuse(walk, String(value), 'JSON has no such number: store `null`, or leave it out.');
}

function copyObject(walk: Walk, value: object): unknown {
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON !== 'function' || types.isDate(value) || isBinary(value)) return copyContent(walk, value);
  const replacement: unknown = toJSON.call(value, String(walk.path.at(-1) ?? ''));
  const isObject = typeof replacement === 'object' && replacement !== null;
  return isObject ? copyContent(walk, replacement) : copyValue(walk, replacement);
}

function copyContent(walk: Walk, value: object): unknown {
  if (Array.isArray(value)) return copyItems(walk, value);
  if (isPlainObject(value)) {
    refuseSymbolKeys(walk, value);
    return copyProperties(walk, value);
  }
  if (types.isDate(value)) return copyDate(walk, value);
  requireLossless(walk, value);
  return copyProperties(walk, value);
}

function requireLossless(walk: Walk, value: object): asserts value is Record<string, unknown> {
  const loss = findLoss(value);
  if (loss !== undefined) refuse(walk, loss.reason, loss.remedy);
}

function enter(walk: Walk, value: object): void {
  const { open } = walk;
  const ancestor = open.indexOf(value);
  if (ancestor >= 0) {
    const target = printPath(walk.root, walk.path.slice(0, ancestor));
    refuse(walk, `a circle back to ${target}`, 'Store the id of the other object instead of the object.');
  }
  if (open.length >= walk.limits.maxDepth) {
    refuse(
      walk,
      `a nesting deeper than ${walk.limits.maxDepth} levels`,
      'Store a flatter shape, or a string.',
    );
  }
  spend(walk, 2);
  open.push(value);
}

function copyItems(walk: Walk, items: readonly unknown[]): readonly unknown[] {
  const { path } = walk;
  const { length } = items;
  enter(walk, items);
  spend(walk, Math.max(0, length - 1));
  const copy: unknown[] = [];
  for (let index = 0; index < length; index++) {
    path.push(index);
    const item = copyValue(walk, items[index]);
    if (item === undefined) refuseGap(walk, items, index);
    copy.push(item);
    path.pop();
  }
  walk.open.pop();
  return Object.freeze(copy);
}

function refuseGap(walk: Walk, items: readonly unknown[], index: number): never {
  const reason = index in items ? 'undefined in an array' : 'a hole in an array';
  return refuse(walk, reason, 'Store `null` there, or filter the array.');
}

function copyProperties(walk: Walk, source: Readonly<Record<string, unknown>>): object {
  const { path } = walk;
  enter(walk, source);
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(source)) {
    path.push(key);
    if (key === '__proto__') {
      refuse(walk, 'a key that would replace a prototype', 'Give the property another name.');
    }
    const property = copyValue(walk, source[key]);
    path.pop();
    if (property === undefined) continue;
    walk.size += key.length + 3;
    copy[key] = property;
  }
  walk.open.pop();
  return Object.freeze(copy);
}

function refuseSymbolKeys(walk: Walk, value: object): void {
  for (const key of Object.getOwnPropertySymbols(value)) {
    if (Object.prototype.propertyIsEnumerable.call(value, key)) {
      refuse(walk, 'a property whose key is a symbol', 'Use a string as its key, or leave it out.', key);
    }
  }
}

function copyDate(walk: Walk, value: Date): Date {
  const time = Date.prototype.getTime.call(value);
  if (Number.isNaN(time))
    refuse(walk, 'an invalid Date', 'Check the text it was parsed from, or store `null`.');
  spend(walk, 26);
  walk.dates.push([...walk.path]);
  return freezeDate(new Date(time));
}
