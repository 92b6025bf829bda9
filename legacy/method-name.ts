import { InvalidArgument } from '../src/index.js';
import { asText, problemWithName } from './event-name.js';

export type ToMethodName = (eventName: string) => string;

/**
 * How the name of an event becomes the name of a listener's method.
 *
 * @param options `with` replaces the name; `prefix` goes in front of it, joined by `_`; `true` is `defaultPrefix`.
 * @throws {InvalidArgument} `with` or `prefix` could never be part of a method's name.
 */
export function readMethodName(
  options: { readonly with?: unknown; readonly prefix?: unknown },
  defaultPrefix: string,
): ToMethodName {
  const fixed = readFixedName(options.with);
  const prefix = readPrefix(options.prefix, defaultPrefix);
  if (fixed !== undefined) return () => prefix + fixed;
  return prefix === '' ? (eventName) => eventName : (eventName) => prefix + eventName;
}

/** @throws {InvalidArgument} `defaultPrefix` is neither a word nor left out. */
export function readDefaultPrefix(value: unknown): string {
  if (value === undefined || value === null) return 'on';
  const word = asText(value);
  if (word !== undefined && problemWithName(word) === undefined) return word;
  throw new InvalidArgument('defaultPrefix', 'a word such as "when", or undefined for "on"', value);
}

function readFixedName(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const name = asText(value);
  if (name !== undefined && problemWithName(name) === undefined) return name;
  throw new InvalidArgument(
    'with',
    'the name of one method of the listener',
    value,
    'Pass one name that does not start with `_`; subscribe once for each further method.',
  );
}

function readPrefix(value: unknown, defaultPrefix: string): string {
  if (value === undefined || value === null) return '';
  if (value === true) return `${defaultPrefix}_`;
  const word = asText(value);
  if (word === '') return '';
  if (word !== undefined && problemWithName(word) === undefined) return `${word}_`;
  throw new InvalidArgument(
    'prefix',
    'true or a word such as "when"',
    value,
    'Leave `prefix` out for no prefix.',
  );
}
