import type { Event } from '../src/index.js';
import { type Broadcaster, readBroadcaster, sendBroadcaster } from './broadcaster.js';
import type { Configuration } from './configuration.js';
import { type EventFilter, readEventFilter } from './event-filter.js';
import type { Failures } from './failures.js';
import { definedMethod, findMethod, type Method } from './listener-method.js';
import { readMethodName } from './method-name.js';
import { type Moment, readMoment } from './moment.js';
import type { Pair } from './pairs/pair.js';
import type { Pairs } from './pairs/pairs.js';
import type { Phantoms } from './phantoms.js';
import type { Delivery, Registration } from './registration.js';
import { type AcceptsPublisher, readScope, type Scope } from './scope.js';
import type { Unattended } from './unattended.js';

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
  /**
   * `'inline'` (default): within `broadcast()`, also when its transaction rolls back later: `bus.phantoms` counts that.
   *
   * `'after-commit'`: what is on record, and nothing else. In a transaction once the outermost one has committed, never
   * when it or a savepoint around the broadcast rolled back; elsewhere once the event is stored in the background. A
   * broadcast that is not to be recorded, as without a store: after the transaction around it; at once, behind the
   * inline listeners, where there is none. One whose recording fails is never heard.
   *
   * The order is that of the broadcasts, then of subscription; who is subscribed at the broadcast hears it. It runs in
   * the async context of the publisher, in no transaction. What it throws goes to `bus.onError`, and keeps nobody else
   * from hearing; for a promise that it returns only `bus.settled()` and `store.close()` wait.
   */
  readonly deliver?: Moment | null | undefined;
}

export interface RegistrationSetting {
  readonly configuration: Configuration;
  readonly failures: Failures;
  readonly pairs: Pairs;
  readonly phantoms: Phantoms;
  readonly unattended: Unattended;
}

/** @throws {InvalidArgument} An option can never have the effect it asks for. */
export function registerObject(
  listener: object,
  options: SubscribeOptions,
  { configuration, failures, pairs, phantoms, unattended }: RegistrationSetting,
): Registration {
  const broadcaster = readBroadcaster(options, configuration.broadcasters);
  const accepts = readEventFilter(options.on);
  const methodName = readMethodName(options, configuration.defaultPrefix);
  const scope = readScope(options.scope);
  const moment = readMoment(options.deliver);

  return {
    listener,
    deliver: moment,
    deliveryOf(eventName) {
      if (!accepts(eventName)) return undefined;
      const method = methodName(eventName);
      const watch: Watch = {
        called: (event) => phantoms.hear(event, listener, method),
        returned: (result) => failures.watch(result, eventName, listener),
      };
      const deliver =
        broadcaster === sendBroadcaster
          ? callDirectly(listener, method, watch)
          : callThrough(broadcaster, listener, method, watch);
      const paired = throughPair(deliver, pairs.find(listener, method));
      const scoped = scope === undefined ? paired : withinScope(paired, scope);
      return moment === 'inline' ? scoped : unattended.surround(scoped, eventName, listener);
    },
  };
}

function withinScope(deliver: Delivery, scope: AcceptsPublisher): Delivery {
  return (publisher, args, event) => (scope(publisher) ? deliver(publisher, args, event) : undefined);
}

/** The pair decides whether the listener performs. */
function throughPair(deliver: Delivery, pair: Pair | undefined): Delivery {
  if (pair === undefined) return deliver;
  return (publisher, args, event) =>
    pair.deliver(event, () => deliver(publisher, args, event), [publisher, ...args]);
}

interface Watch {
  /** Before the listener's method is called for an event that is recorded. */
  called(event: Event): void;
  returned(result: object): void;
}

/**
 * A method that was found once is called again without another search as long as reading it gives the same
 * function; a method that was missing is searched for every time.
 */
function callDirectly(listener: object, methodName: string, watch: Watch): Delivery {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only read, and compared with what was found
  const methods = listener as Readonly<Record<string, unknown>>;
  let known: Method | undefined;

  return (_publisher, args, event) => {
    let method = known;
    if (method === undefined || methods[methodName] !== method) {
      method = findMethod(listener, methodName);
      if (method === undefined) return undefined;
      known = method === definedMethod(listener, methodName) ? method : undefined;
    }
    if (event !== undefined) watch.called(event);
    const result: unknown = Reflect.apply(method, listener, args);
    if (typeof result === 'object' && result !== null) watch.returned(result);
    return result;
  };
}

function callThrough(broadcaster: Broadcaster, listener: object, methodName: string, watch: Watch): Delivery {
  return (publisher, args, event) => {
    if (findMethod(listener, methodName) === undefined) return undefined;
    if (event !== undefined) watch.called(event);
    const result = broadcaster.broadcast(listener, publisher, methodName, ...args);
    if (typeof result === 'object' && result !== null) watch.returned(result);
    return result;
  };
}
