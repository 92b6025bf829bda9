import { types } from 'node:util';
import { InvalidArgument } from '../src/index.js';
import { asText } from './event-name.js';

/** One name, several names, or a pattern that the name contains. */
export type EventFilter = string | RegExp | Iterable<string>;

export type AcceptsEvent = (eventName: string) => boolean;

const wanted = 'an event name, several event names, or one regular expression';

/** @throws {InvalidArgument} `on` is, or holds, something that could never match. */
export function readEventFilter(on: unknown): AcceptsEvent {
  if (on === undefined || on === null) return () => true;
  const name = asText(on);
  if (name !== undefined) return (eventName) => eventName === name;
  if (types.isRegExp(on)) return matching(on);
  if (isIterable(on)) return oneOf(on);
  throw new InvalidArgument('on', wanted, on);
}

/** A copy of the pattern, so that neither `lastIndex` of the caller's nor of a `g` pattern has a say. */
function matching(pattern: RegExp): AcceptsEvent {
  const copy = new RegExp(pattern.source, pattern.flags.replace('g', ''));
  return (eventName) => {
    copy.lastIndex = 0;
    return copy.test(eventName);
  };
}

function oneOf(names: Iterable<unknown>): AcceptsEvent {
  const accepted = new Set(Array.from(names, (each) => toFilterName(each)));
  return (eventName) => accepted.has(eventName);
}

function toFilterName(value: unknown): string {
  const name = asText(value);
  if (name !== undefined) return name;
  throw new InvalidArgument(
    'on',
    wanted,
    value,
    'Inside a list only names count; subscribe once more for a pattern.',
  );
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
