import { InvalidEventName } from '../errors/argument-errors.js';

const shape = /^[A-Za-z][A-Za-z0-9_.:/-]{0,199}$/;
const reserved = new Set<string>(['then', 'prototype', ...Object.getOwnPropertyNames(Object.prototype)]);

/**
 * Checks the name of an event type or a broadcast before anything is looked up by it (hazards H20).
 *
 * @throws {InvalidEventName}
 */
export function checkEventName(name: unknown): string {
  if (typeof name !== 'string') throw new InvalidEventName(name, 'is not a string');
  if (name === '') throw new InvalidEventName(name, 'is empty');
  if (reserved.has(name)) throw new InvalidEventName(name, 'is a name that JavaScript itself calls');
  if (!shape.test(name)) throw new InvalidEventName(name, 'has characters or a length that are not allowed');
  return name;
}
