import { expect } from '@jest/globals';

export interface Ear {
  /** One entry a call: the method's name, then its arguments. */
  readonly heard: readonly (readonly [method: string, ...args: unknown[]])[];
}

/** A listener with these methods. Every call is also told to `each`, when given. */
export function earFor(methods: readonly string[], each?: (method: string) => void): Ear {
  const heard: [string, ...unknown[]][] = [];
  class Listener {
    readonly heard = heard;
  }
  for (const method of methods) {
    Object.defineProperty(Listener.prototype, method, {
      value(...args: unknown[]) {
        heard.push([method, ...args]);
        each?.(method);
      },
    });
  }
  return new Listener();
}

/** A listener with one method that tells `log` its own name. */
export function namedEar(name: string, method: string, log: string[]): Ear {
  return earFor([method], () => log.push(name));
}

/** Matches an error of the family by its code. */
export function errorOf(code: string, problem = /./): unknown {
  return expect.objectContaining({ code, message: expect.stringMatching(problem) });
}

/** Calls a method as untyped JavaScript would. */
export function callOf(object: object, method: string): (...args: readonly unknown[]) => unknown {
  const found: unknown = Reflect.get(object, method);
  if (typeof found !== 'function') throw new TypeError(`There is no method "${method}".`);
  return (...args) => Reflect.apply(found, object, args);
}
