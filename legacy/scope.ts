import { InvalidArgument } from '../src/index.js';
import { asText } from './event-name.js';

/** A class by its name, or by its own static `publisherName`, which survives minification. */
export type Scope = string | (abstract new (...args: never[]) => unknown);

export type AcceptsPublisher = (publisher: object | undefined) => boolean;

/**
 * Which publishers a registration hears: those with one of the classes among their ancestors.
 *
 * @returns `undefined` when the registration hears every publisher.
 * @throws {InvalidArgument} `scope` is, or holds, neither a class nor a name.
 */
export function readScope(scope: unknown): AcceptsPublisher | undefined {
  if (scope === undefined || scope === null) return undefined;
  const wanted = new Set([scope].flat().map((each) => identify(each)));
  if (wanted.size === 0) return undefined;
  const answers = new WeakMap<object, boolean>();
  let lastPrototype: object | undefined;
  let lastAnswer = false;

  return (publisher) => {
    const prototype: object | null = publisher === undefined ? null : Object.getPrototypeOf(publisher);
    if (prototype === null) return false;
    if (prototype === lastPrototype) return lastAnswer;
    const answer = answers.get(prototype) ?? ancestors(prototype).some((each) => wanted.has(each));
    answers.set(prototype, answer);
    lastPrototype = prototype;
    lastAnswer = answer;
    return answer;
  };
}

function identify(scope: unknown): unknown {
  const name = asText(scope);
  if (name !== undefined) return name;
  if (typeof scope === 'function') return nameOf(scope);
  throw new InvalidArgument('scope', 'a class, the name of a class, or an array of them', scope);
}

function ancestors(prototype: object): unknown[] {
  const own: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const parent: object | null = Object.getPrototypeOf(prototype);
  const rest = parent === null ? [] : ancestors(parent);
  return typeof own === 'function' ? [nameOf(own), ...rest] : rest;
}

/** Names are compared, so that a reloaded class still matches. A class without a name is compared as itself. */
function nameOf(constructor: object): unknown {
  for (const key of ['publisherName', 'name']) {
    const name: unknown = Object.getOwnPropertyDescriptor(constructor, key)?.value;
    if (typeof name === 'string' && name !== '') return name;
  }
  return constructor;
}
