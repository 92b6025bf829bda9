import { InvalidArgument } from '../src/index.js';
import { findMethod } from './listener-method.js';

/** How one delivery reaches its listener. */
export interface Broadcaster {
  /**
   * @param publisher `undefined` for an event that no legacy publisher broadcast.
   * @param methodName The listener's method, after `with` and `prefix`; not the name of the event.
   * @returns Discarded; but when it is a promise that rejects, `bus.onError` hears of it.
   */
  broadcast(listener: object, publisher: object | undefined, methodName: string, ...args: unknown[]): unknown;
}

/** The broadcaster of every registration that asks for no other: calls the method at once. */
export const sendBroadcaster: Broadcaster = {
  broadcast(listener, _publisher, methodName, ...args) {
    const method = findMethod(listener, methodName);
    if (method === undefined) throw new TypeError(`The listener has no method "${methodName}".`);
    return method.apply(listener, args);
  },
};

/** The broadcasters of one bus by key. A `Map` whose {@link Broadcasters.fetch} names the known keys. */
export class Broadcasters extends Map<string, Broadcaster> {
  /** @throws {InvalidArgument} No broadcaster has this key. */
  fetch(key: unknown): Broadcaster {
    const found = typeof key === 'string' ? this.get(key) : undefined;
    if (found !== undefined) return found;
    const known = this.size === 0 ? 'none yet' : Array.from(this.keys(), (each) => `"${each}"`).join(', ');
    throw new InvalidArgument(
      'broadcaster',
      `an object with a method \`broadcast\`, or a configured key (known: ${known})`,
      key,
      'Add it with `bus.configure((c) => c.broadcaster(key, broadcaster))` before you subscribe.',
    );
  }
}

/**
 * The broadcaster that a registration keeps for its life. A truthy `async` wins over `broadcaster`; `true` is the
 * key `async`; left out is the key `default`.
 *
 * @throws {InvalidArgument} There is no such broadcaster.
 */
export function readBroadcaster(
  options: { readonly async?: unknown; readonly broadcaster?: unknown },
  broadcasters: Broadcasters,
): Broadcaster {
  const asked = options.async ? options.async : options.broadcaster;
  if (isBroadcaster(asked)) return asked;
  if (asked === true) return broadcasters.fetch('async');
  return broadcasters.fetch(asked ?? 'default');
}

export function isBroadcaster(value: unknown): value is Broadcaster {
  const holder =
    typeof value === 'function' || (typeof value === 'object' && value !== null) ? value : undefined;
  return holder !== undefined && 'broadcast' in holder && typeof holder.broadcast === 'function';
}
