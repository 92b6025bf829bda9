import { types } from 'node:util';
import { isPlainObject } from './plain-object.js';

const setters = Object.fromEntries(
  Object.getOwnPropertyNames(Date.prototype)
    .filter((name) => name.startsWith('set'))
    .map((name) => [name, { value: refuseToSet }]),
);

/**
 * Freezes plain objects, arrays and dates, however deep, and returns `value` itself.
 *
 * `Object.freeze` leaves a date's time open, so its setters throw a `TypeError` from here on. Instances of
 * classes are left alone: they may be shared with code that knows nothing of events.
 */
export function deepFreeze<T>(value: T): T {
  const waiting: unknown[] = [value];
  const metFrozen = new Set<object>();
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null || metFrozen.has(next)) continue;
    if (types.isDate(next)) freezeDate(next);
    if (!Array.isArray(next) && !isPlainObject(next)) continue;
    if (Object.isFrozen(next)) metFrozen.add(next);
    Object.freeze(next);
    for (const member of Object.values(next)) waiting.push(member);
  }
  return value;
}

/** Closes the date for good: its setters throw a `TypeError`, as writing to a frozen object does. */
export function freezeDate(date: Date): Date {
  return Object.isExtensible(date) ? Object.freeze(Object.defineProperties(date, setters)) : date;
}

function refuseToSet(): never {
  throw new TypeError("Cannot change a date of an event's payload. Copy it first: new Date(date).");
}
