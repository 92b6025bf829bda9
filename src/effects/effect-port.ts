import { InvalidArgument } from '../errors/argument-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import { PortMembers } from './port-members.js';

type Method = (...args: never[]) => unknown;

export type MethodsOf<T> = {
  [K in keyof T]-?: T[K] extends Method ? K : never;
}[keyof T] &
  string;

export interface EffectPortOptions<T extends object> {
  /** The methods whose calls are effects; other members, what they hold included, are left alone. Default: all. */
  readonly methods?: readonly MethodsOf<T>[] | undefined;
  /**
   * What a captured call returns, by method, such as `send` or `customers.create`, and `''` for the port itself: a value,
   * or a function of its arguments. A promise where the method's own answer is one. Default: `undefined`, from async functions as a promise.
   */
  readonly returns?:
    | ({ readonly [K in MethodsOf<T> | '']?: unknown } & { readonly [path: `${string}.${string}`]: unknown })
    | undefined;
}

/**
 * Puts an object in front of `object` whose calls can be performed, captured or forbidden: `mailer.send(…)` becomes
 * something that a listener and a handler can be compared by, and so do `stripe.customers.create(…)`, a call of
 * `object` where that is a function, and writes to its properties. What a call returns is handed out as it is.
 * Everywhere else it behaves as `object` does.
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
  return new PortMembers(name, options.returns ?? {}, methods).around(object, undefined, '') as T;
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
