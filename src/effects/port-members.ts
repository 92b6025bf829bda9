import { types } from 'node:util';
import { effectScope, outsideScopes } from './effect-scope.js';
import { isCallHeldBack } from './held-back.js';

type Method = (...args: unknown[]) => unknown;

/** A member that is reached: of what, and by which path from the port. */
interface Place {
  readonly holder: object | undefined;
  readonly path: string;
}

interface Member {
  readonly original: object;
  readonly proxy: object;
}

/** Everything that can be reached through one port. The same member of the same object is the same each time. */
export class PortMembers {
  readonly #port: string;
  readonly #returns: object;
  readonly #methods: ReadonlySet<string> | undefined;
  /** By what holds them, then by path. */
  readonly #known = new WeakMap<object, Map<string, Member>>();
  readonly #proxies = new WeakMap<object, object>();

  /** @param methods Of the port itself: its other members are left alone. */
  constructor(port: string, returns: object, methods: ReadonlySet<string> | undefined) {
    this.#port = port;
    this.#returns = returns;
    this.#methods = methods;
  }

  around(original: object, holder: object | undefined, path: string): object {
    if (this.#proxies.has(original)) return original;
    const siblings = this.#known.get(holder ?? original) ?? new Map<string, Member>();
    const known = siblings.get(path);
    if (known?.original === original) return known.proxy;
    const proxy = new Proxy(original, this.#traps({ holder, path }));
    siblings.set(path, { original, proxy });
    this.#known.set(holder ?? original, siblings);
    this.#proxies.set(proxy, original);
    return proxy;
  }

  #traps(place: Place): ProxyHandler<object> {
    const nameOf = (key: PropertyKey) => (place.path === '' ? String(key) : `${place.path}.${String(key)}`);
    const isHeldBack = (what: string, key: PropertyKey, args: readonly unknown[]) =>
      isCallHeldBack(this.#port, `${what} ${nameOf(key)}`, args);
    return {
      get: (target, key) => this.#member(target, key, nameOf(key)),
      getOwnPropertyDescriptor: (target, key) => this.#descriptor(target, key, nameOf(key)),
      apply: (target, self, args: unknown[]) =>
        this.#call(target as Method, place.holder ?? this.#originalOf(self), args, place.path),
      construct: (target, args: unknown[], newTarget) =>
        this.#construct(target as Method, args, { newTarget, path: place.path }),
      set: (target, key, value: unknown, receiver: object) => {
        if (!this.#proxies.has(receiver)) return Reflect.set(target, key, value, receiver);
        if (isHeldBack('set', key, [value])) return true;
        return outsideScopes(() => Reflect.set(target, key, this.#originalOf(value), target));
      },
      defineProperty: (target, key, descriptor) =>
        isHeldBack('define', key, [descriptor]) || Reflect.defineProperty(target, key, descriptor),
      deleteProperty: (target, key) => isHeldBack('delete', key, []) || Reflect.deleteProperty(target, key),
      setPrototypeOf: (target, prototype) => {
        this.#refuseWithin(`the prototype of ${this.#nameOf(place.path)}`);
        return Reflect.setPrototypeOf(target, prototype);
      },
      preventExtensions: (target) => {
        this.#refuseWithin(`the extensibility of ${this.#nameOf(place.path)}`);
        return Reflect.preventExtensions(target);
      },
    };
  }

  #member(target: object, key: PropertyKey, path: string): unknown {
    const member: unknown = Reflect.get(target, key, target);
    if (!isReachable(member) || isOfEveryObject(key, member)) return member;
    if (this.#isLeftAlone(target, key)) return typeof member === 'function' ? bound(target, member) : member;
    const own = Reflect.getOwnPropertyDescriptor(target, key);
    if (own?.configurable === false && own.writable !== true) {
      // The language lets nobody stand in for it.
      this.#refuseWithin(`${this.#nameOf(path)}, which is frozen and cannot be wrapped`);
      return member;
    }
    return this.around(member, target, path);
  }

  /** The other way to a member. */
  #descriptor(target: object, key: PropertyKey, path: string): PropertyDescriptor | undefined {
    const own = Reflect.getOwnPropertyDescriptor(target, key);
    if (own === undefined || (own.configurable === false && own.writable !== true)) return own;
    if ('value' in own) return { ...own, value: this.#member(target, key, path) };
    return { ...own, ...(own.get && { get: () => this.#member(target, key, path) }) };
  }

  #call(original: Method, self: unknown, args: unknown[], path: string): unknown {
    if (!isCallHeldBack(this.#port, path, args)) {
      return outsideScopes((): unknown => Reflect.apply(original, self, args));
    }
    const value = this.#answer(path, args);
    return isAsync(original) ? Promise.resolve(value) : value;
  }

  #construct(
    original: Method,
    args: unknown[],
    { newTarget, path }: { readonly newTarget: unknown; readonly path: string },
  ): object {
    const maker = this.#originalOf(newTarget) as Method;
    if (!isCallHeldBack(this.#port, `new ${path}`, args)) {
      return outsideScopes(() => Reflect.construct(original, args, maker) as object);
    }
    const value = this.#answer(path, args);
    if (typeof value === 'object' && value !== null) return value;
    this.#refuseWithin(`new ${this.#nameOf(path)}, for which \`returns\` has no object`);
    return {};
  }

  #answer(path: string, args: readonly unknown[]): unknown {
    const answer: unknown = Reflect.get(this.#returns, path);
    return typeof answer === 'function' ? Reflect.apply(answer, undefined, args) : answer;
  }

  #refuseWithin(what: string): void {
    const scope = effectScope();
    if (scope === undefined) return;
    if (scope.mode !== 'performed') throw scope.refuse(what);
    scope.escape(what);
  }

  #isLeftAlone(target: object, key: PropertyKey): boolean {
    return this.#methods !== undefined && this.#isPort(target) && !this.#methods.has(String(key));
  }

  #isPort(target: object): boolean {
    return this.#known.get(target)?.get('')?.original === target;
  }

  #nameOf(path: string): string {
    return path === '' ? this.#port : `${this.#port}.${path}`;
  }

  #originalOf(value: unknown): unknown {
    return typeof value === 'object' || typeof value === 'function'
      ? (this.#proxies.get(value as object) ?? value)
      : value;
  }
}

/** What is no data. */
function isReachable(member: unknown): member is object {
  if (typeof member === 'function') return true;
  if (typeof member !== 'object' || member === null) return false;
  return !data.some((isData) => isData(member));
}

/** Whose methods work on themselves alone, and which the platform knows by what is inside of them. */
const data: readonly ((member: object) => boolean)[] = [
  types.isPromise,
  types.isDate,
  types.isRegExp,
  types.isMap,
  types.isSet,
  types.isWeakMap,
  types.isWeakSet,
  types.isAnyArrayBuffer,
  types.isArrayBufferView,
  types.isBoxedPrimitive,
  types.isNativeError,
  types.isKeyObject,
  types.isCryptoKey,
  (member) => member instanceof URL || member instanceof URLSearchParams || member instanceof AbortSignal,
];

/** Such as `toString`, where it is nobody's own: nothing comes of it that the port does not see. */
function isOfEveryObject(key: PropertyKey, member: unknown): boolean {
  if (key === 'constructor' || key === Symbol.toPrimitive || key === 'prototype') return true;
  const general = [Object.prototype, Function.prototype];
  return general.some((prototype) => isOwnOf(prototype, key, member)) || readsList(key, member);
}

function isOwnOf(prototype: object, key: PropertyKey, member: unknown): boolean {
  return Reflect.getOwnPropertyDescriptor(prototype, key)?.value === member;
}

const changingLists: readonly PropertyKey[] = [
  'push',
  'pop',
  'shift',
  'unshift',
  'splice',
  'sort',
  'reverse',
  'fill',
  'copyWithin',
];

function readsList(key: PropertyKey, member: unknown): boolean {
  return isOwnOf(Array.prototype, key, member) && !changingLists.includes(key);
}

function bound(target: object, method: object): unknown {
  return (...args: unknown[]): unknown => Reflect.apply(method as Method, target, args);
}

function isAsync(method: object): boolean {
  return Object.prototype.toString.call(method) === '[object AsyncFunction]';
}
