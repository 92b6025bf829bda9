import { InvalidArgument } from '../errors/argument-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import { outsideScopes } from './effect-scope.js';
import { isCallHeldBack } from './held-back.js';

type Method = (...args: never[]) => unknown;

export type MethodsOf<T> = {
  [K in keyof T]-?: T[K] extends Method ? K : never;
}[keyof T] &
  string;

export interface EffectPortOptions<T extends object> {
  /** The methods whose calls are effects. Default: all. */
  readonly methods?: readonly MethodsOf<T>[] | undefined;
  /**
   * What a captured call returns, by method: a value, or a function of its arguments. A promise where the method's own
   * answer is one. Default: `undefined`, from async functions as a promise.
   */
  readonly returns?: { readonly [K in MethodsOf<T>]?: unknown } | undefined;
}

/**
 * Puts an object in front of `object` whose calls can be performed, captured or forbidden: `mailer.send(…)` becomes
 * something that a listener and a handler can be compared by. Everywhere else it behaves as `object` does.
 *
 * @param name What the calls are reported as; the same on both sides of a pair.
 * @throws {InvalidArgument}
 */
export function effectPort<T extends object>(name: string, object: T, options: EffectPortOptions<T> = {}): T {
  if (typeof name !== 'string' || name === '') throw new InvalidArgument('name', 'a name', name);
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null) {
    throw new InvalidArgument(
      'object',
      'an object with methods',
      object,
      "Write `effectPort('mailer', mailer)`.",
    );
  }
  checkKnownOptions(options, ['methods', 'returns']);
  const methods = checkMethods(object, options.methods);
  const wrapped = new Map<PropertyKey, { readonly method: unknown; readonly wrapper: unknown }>();

  return new Proxy(object, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key, target);
      if (typeof key !== 'string' || typeof method !== 'function') return method;
      if (methods !== undefined && !methods.has(key)) return bound(target, method);
      const known = wrapped.get(key);
      if (known?.method === method) return known.wrapper;
      const call = wrapper(name, key, target, method, Reflect.get(options.returns ?? {}, key));
      wrapped.set(key, { method, wrapper: call });
      return call;
    },
  });
}

function wrapper(port: string, method: string, target: object, original: object, answer: unknown) {
  return (...args: unknown[]): unknown => {
    if (!isCallHeldBack(port, method, args)) {
      return outsideScopes((): unknown => Reflect.apply(original as Method, target, args));
    }
    const value: unknown = typeof answer === 'function' ? (answer as Method)(...(args as never[])) : answer;
    return isAsync(original) ? Promise.resolve(value) : value;
  };
}

function bound(target: object, method: object): unknown {
  return (...args: unknown[]): unknown => Reflect.apply(method as Method, target, args);
}

function isAsync(method: object): boolean {
  return Object.prototype.toString.call(method) === '[object AsyncFunction]';
}

function checkMethods(
  object: object,
  methods: readonly string[] | undefined,
): ReadonlySet<string> | undefined {
  if (methods === undefined) return undefined;
  if (!Array.isArray(methods)) throw new InvalidArgument('methods', 'a list of method names', methods);
  for (const name of methods) {
    if (typeof Reflect.get(object, name) === 'function') continue;
    throw new InvalidArgument('methods', 'names of methods that the object has', name);
  }
  return new Set(methods);
}
