import crypto from 'node:crypto';
import { effectScope } from '../effect-scope.js';
import { all, replaced } from './replaced.js';

/**
 * Gives captured runs the clock and chance of their world, and notes the ids that any run makes. `performance.now()`
 * goes on: it measures, and is no time of day.
 */
export function guardClockAndChance(): () => void {
  const undos = [
    replaced(globalThis, 'Date', guardedDate),
    // A date made before is still one of this class.
    replaced(Date.prototype, 'constructor', () => Date),
    replaced(Math, 'random', (original: () => number) => () => world()?.random() ?? original()),
    replaced(crypto, 'randomUUID', guardedId),
  ];
  // The global one has no such method where a test environment brings a `crypto` of its own.
  const { crypto: webCrypto } = globalThis;
  const prototype = Object.getPrototypeOf(webCrypto) as object;
  if ('randomUUID' in prototype) undos.push(replaced(prototype, 'randomUUID', guardedId));
  return all(undos);
}

function world() {
  return effectScope()?.world;
}

function guardedId(original: typeof crypto.randomUUID): typeof crypto.randomUUID {
  return function randomUUID(this: unknown, options) {
    const scope = effectScope();
    const id =
      (scope?.world?.uuid() as ReturnType<typeof original> | undefined) ?? original.call(this, options);
    scope?.madeIds.add(id);
    return id;
  };
}

/** The same class for `instanceof` and `constructor`, its prototype included. */
function guardedDate(original: DateConstructor): DateConstructor {
  const now = (): number => world()?.now() ?? original.now();
  const guarded: DateConstructor = new Proxy(original, {
    construct(target, args: unknown[], newTarget) {
      const at = args.length === 0 ? world()?.now() : undefined;
      const given = at === undefined ? args : [at];
      return Reflect.construct(target, given, newTarget === guarded ? target : newTarget) as object;
    },
    apply(target) {
      const at = world()?.now();
      return at === undefined ? target() : new target(at).toString();
    },
    get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key, target) as unknown)),
  });
  return guarded;
}
