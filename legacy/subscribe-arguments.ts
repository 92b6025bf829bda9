import { InvalidArgument } from '../src/index.js';
import { isClass, isFunction } from './listener-method.js';
import type { SubscribeOptions } from './object-registration.js';

export interface Subscription {
  readonly listeners: readonly object[];
  readonly options: SubscribeOptions;
  readonly block: (() => unknown) | undefined;
}

const optionNames = new Set(['on', 'with', 'prefix', 'scope', 'broadcaster', 'async', 'deliver']);
/** A listener has such a method for an event of that name. */
const neverFunctions = new Set(['deliver']);

/**
 * Tells listeners, options and block apart: `(...listeners, options?, block?)`.
 *
 * @throws {InvalidArgument} A listener is no object, class or function.
 */
export function readSubscription(given: readonly unknown[]): Subscription {
  const rest = [...given];
  const block = takeBlock(rest);
  const options = takeOptions(rest);
  return { listeners: rest.map((each) => checkListener(each)), options, block };
}

/**
 * Tells the one listener from its options: `(listener, options?)`.
 *
 * @throws {InvalidArgument} There is anything else among the arguments.
 */
export function readSingleSubscription(given: readonly unknown[]): Subscription {
  const [listener, options, ...more] = given;
  const further = more[0] ?? options;
  if (typeof further === 'function' && !isClass(further)) {
    throw new InvalidArgument(
      'options',
      'an object',
      further,
      'Write `publisher.on("event", block)` for a function, or `bus.subscribe(listener, options, block)` for a time.',
    );
  }
  if (more.length > 0 || !(options === undefined || options === null || looksLikeOptions(options))) {
    throw new InvalidArgument('options', 'an object', further, 'Call `subscribe` once for each listener.');
  }
  return { listeners: [checkListener(listener)], options: options ?? {}, block: undefined };
}

/** A function after options is the block; without options only one that cannot be a listener: no class, no methods. */
function takeBlock(rest: unknown[]): Subscription['block'] {
  const last = rest.at(-1);
  if (!isFunction(last) || rest.length < 2) return undefined;
  const before = rest.at(-2);
  const followsOptions =
    before === undefined || before === null || (rest.length > 2 && looksLikeOptions(before));
  if (!followsOptions && (isClass(last) || Object.keys(last).length > 0)) return undefined;
  rest.pop();
  return last;
}

function takeOptions(rest: unknown[]): SubscribeOptions {
  const last = rest.at(-1);
  const follows = rest.length > 1;
  if (follows && (last === undefined || last === null)) {
    rest.pop();
    return {};
  }
  if (!looksLikeOptions(last) || !(follows || onlyOptions(last))) return {};
  rest.pop();
  return last;
}

/** A plain object, unless it has a function of its own that is no option: then it is a listener. */
function looksLikeOptions(value: unknown): value is SubscribeOptions {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.entries(Object.getOwnPropertyDescriptors(value)).every(
    ([key, property]) =>
      typeof property.value !== 'function' || (optionNames.has(key) && !neverFunctions.has(key)),
  );
}

function onlyOptions(value: object): boolean {
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => optionNames.has(key));
}

function checkListener(value: unknown): object {
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') return value;
  throw new InvalidArgument('listener', 'an object, a class or a function', value);
}
