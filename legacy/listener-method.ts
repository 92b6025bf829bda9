import { isReservedName } from './event-name.js';
import { isPublishersOwn } from './publisher.js';

export type Method = (this: unknown, ...args: readonly unknown[]) => unknown;

/**
 * What a listener may implement to hear what it has no method for.
 *
 * `methodFor` is asked once per event, after the listener's filters, for each method that the listener does not
 * define; the function that it gives back is called with the arguments of the broadcast.
 */
export interface CatchAllListener {
  methodFor(methodName: string): ((...args: never[]) => unknown) | undefined;
}

/**
 * The function that answers to `name` on `listener`.
 *
 * Own and inherited functions count, those of Object.prototype and Function.prototype do not, nor the `broadcast` and
 * `publish` that make it a publisher. No getter is run, names that start with `_` are private, and a plain function
 * answers to `call`.
 */
export function findMethod(listener: object, name: string): Method | undefined {
  return definedMethod(listener, name) ?? caughtMethod(listener, name);
}

/** As {@link findMethod}, without the methods that a catch-all listener makes up. */
export function definedMethod(listener: object, name: string): Method | undefined {
  const own = findFunction(listener, name);
  if (own !== undefined) return own;
  return name === 'call' && isFunction(listener) && !isClass(listener) ? listener : undefined;
}

function caughtMethod(listener: object, name: string): Method | undefined {
  const hook = findFunction(listener, 'methodFor');
  const method = hook?.call(listener, name);
  return isFunction(method) ? method : undefined;
}

function findFunction(listener: object, name: string): Method | undefined {
  if (!(name in listener) || isReservedName(name)) return undefined;
  let owner: object | null = listener;
  while (owner !== null && owner !== Object.prototype && !isFunctionPrototype(owner)) {
    const property = Object.getOwnPropertyDescriptor(owner, name);
    if (property !== undefined) return isHandler(property.value) ? readMethod(listener, name) : undefined;
    owner = Object.getPrototypeOf(owner);
  }
  return undefined;
}

function isHandler(value: unknown): boolean {
  return isFunction(value) && !isPublishersOwn(value);
}

/** What a call by name would call: for a Proxy what it puts in front of the method. */
function readMethod(listener: object, name: string): Method | undefined {
  const method: unknown = Reflect.get(listener, name);
  return isFunction(method) ? method : undefined;
}

/** Of any realm: the mock functions of a test runner have another one than the code under test. */
function isFunctionPrototype(owner: object): boolean {
  if (typeof owner !== 'function' || 'prototype' in owner) return false;
  const parent: object | null = Object.getPrototypeOf(owner);
  return parent !== null && Object.getPrototypeOf(parent) === null;
}

/** True for `class …`, whose prototype cannot be replaced; false for arrows, methods and `function`. */
export function isClass(value: object): boolean {
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}

export function isFunction(value: unknown): value is Method {
  return typeof value === 'function';
}
