import { types } from 'node:util';
import { InvalidEventName } from '../src/index.js';

const shape = /^[A-Za-z][A-Za-z0-9_.:/-]{0,199}$/;
const reserved = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  'then',
  'constructor',
  'prototype',
]);

/**
 * The one check of every name that may be looked up on a listener.
 *
 * @returns What is wrong with the name; `undefined` when it may be used.
 */
export function problemWithName(name: string): string | undefined {
  if (isReservedName(name)) return 'is a name that every JavaScript object or promise answers to';
  return shape.test(name)
    ? undefined
    : 'is not made of the letters, digits and signs that a broadcast may use';
}

/** True for the names that are never looked up on anything. */
export function isReservedName(name: string): boolean {
  return reserved.has(name);
}

/**
 * The name as listeners and filters see it: every `-` is a `_`.
 *
 * @throws {InvalidEventName} Nothing was looked up and nobody was called.
 */
export function toEventName(name: unknown): string {
  const text = asText(name);
  if (text === undefined) throw new InvalidEventName(name, 'is not a string');
  const eventName = text.replaceAll('-', '_');
  const problem = problemWithName(eventName);
  if (problem !== undefined) throw new InvalidEventName(text, problem);
  return eventName;
}

/** Strings and instances of String and its subclasses; nothing else is turned into text. */
export function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return types.isStringObject(value) ? String.prototype.valueOf.call(value) : undefined;
}
