import { InvalidArgument } from '../src/index.js';
import { asText } from './event-name.js';
import type { Failures } from './failures.js';
import type { Phantoms } from './phantoms.js';
import type { Registration } from './registration.js';

export type Block = (...args: never[]) => unknown;

/** @throws {InvalidArgument} There is no event name, or the last argument is no function. */
export function registerBlock(
  given: readonly unknown[],
  { failures, phantoms }: { readonly failures: Failures; readonly phantoms: Phantoms },
): Registration {
  const block = given.at(-1);
  if (typeof block !== 'function') {
    throw new InvalidArgument(
      'block',
      'a function, after the events',
      block,
      'Write `on("event", (…args) => …)`.',
    );
  }
  const events = new Set(given.slice(0, -1).map((each) => toBlockEvent(each)));
  if (events.size === 0) {
    throw new InvalidArgument(
      'events',
      'at least one event name',
      undefined,
      'Write `on("event", (…args) => …)`.',
    );
  }

  return {
    listener: block,
    deliveryOf(eventName) {
      if (!events.has(eventName)) return undefined;
      return (_publisher, args, event) => {
        if (event !== undefined) phantoms.hear(event, block, eventName);
        const result: unknown = Reflect.apply(block, undefined, args);
        if (typeof result === 'object' && result !== null) failures.watch(result, eventName, block);
      };
    },
  };
}

function toBlockEvent(value: unknown): string {
  const name = asText(value);
  if (name !== undefined) return name;
  throw new InvalidArgument(
    'event',
    'an event name',
    value,
    '`on` takes names and then a function; for a pattern or options subscribe a listener object.',
  );
}
