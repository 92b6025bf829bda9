import { type Broadcaster, readBroadcaster, sendBroadcaster } from './broadcaster.js';
import type { Configuration } from './configuration.js';
import { type EventFilter, readEventFilter } from './event-filter.js';
import type { Failures } from './failures.js';
import { definedMethod, findMethod, type Method } from './listener-method.js';
import { readMethodName } from './method-name.js';
import type { Delivery, Registration } from './registration.js';
import { type AcceptsPublisher, readScope, type Scope } from './scope.js';

/** What a listener may ask for when it subscribes. All are read once, at the subscription. */
export interface SubscribeOptions {
  /** Hear these events only. Default: every event that the listener has a method for. */
  readonly on?: EventFilter | null | undefined;
  /** Call this one method, whatever the event. Default: the method with the event's name. */
  readonly with?: string | null | undefined;
  /** Put this and `_` in front of the method's name; `true` is the configured prefix, `'on'` by default. */
  readonly prefix?: true | string | null | undefined;
  /** Hear only publishers of these classes and their subclasses. Default: all publishers. */
  readonly scope?: Scope | readonly Scope[] | null | undefined;
  /** Deliver through this broadcaster, or the one configured under this key. Default: the key `default`. */
  readonly broadcaster?: string | Broadcaster | null | undefined;
  /** `true` is the broadcaster configured as `async`; a key or a broadcaster wins over `broadcaster`. */
  readonly async?: boolean | string | Broadcaster | null | undefined;
}

/** @throws {InvalidArgument} An option can never have the effect it asks for. */
export function registerObject(
  listener: object,
  options: SubscribeOptions,
  configuration: Configuration,
  failures: Failures,
): Registration {
  const broadcaster = readBroadcaster(options, configuration.broadcasters);
  const accepts = readEventFilter(options.on);
  const methodName = readMethodName(options, configuration.defaultPrefix);
  const scope = readScope(options.scope);

  return {
    listener,
    deliveryOf(eventName) {
      if (!accepts(eventName)) return undefined;
      const watch = (result: object) => failures.watch(result, eventName, listener);
      return broadcaster === sendBroadcaster
        ? callDirectly(listener, methodName(eventName), scope, watch)
        : callThrough(broadcaster, listener, methodName(eventName), scope, watch);
    },
  };
}

type Watch = (result: object) => void;

/**
 * A method that was found once is called again without another search as long as reading it gives the same
 * function; a method that was missing is searched for every time.
 */
function callDirectly(
  listener: object,
  methodName: string,
  scope: AcceptsPublisher | undefined,
  watch: Watch,
): Delivery {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only read, and compared with what was found
  const methods = listener as Readonly<Record<string, unknown>>;
  let known: Method | undefined;

  return (publisher, args) => {
    if (scope !== undefined && !scope(publisher)) return;
    let method = known;
    if (method === undefined || methods[methodName] !== method) {
      method = findMethod(listener, methodName);
      if (method === undefined) return;
      known = method === definedMethod(listener, methodName) ? method : undefined;
    }
    const result: unknown = Reflect.apply(method, listener, args);
    if (typeof result === 'object' && result !== null) watch(result);
  };
}

function callThrough(
  broadcaster: Broadcaster,
  listener: object,
  methodName: string,
  scope: AcceptsPublisher | undefined,
  watch: Watch,
): Delivery {
  return (publisher, args) => {
    if (scope !== undefined && !scope(publisher)) return;
    if (findMethod(listener, methodName) === undefined) return;
    const result = broadcaster.broadcast(listener, publisher, methodName, ...args);
    if (typeof result === 'object' && result !== null) watch(result);
  };
}
