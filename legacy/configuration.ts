import { type Broadcaster, Broadcasters, isBroadcaster } from './broadcaster.js';
import { InvalidArgument } from '../src/index.js';
import { readDefaultPrefix } from './method-name.js';

/** What the registrations of one bus start from. A change touches later subscriptions only. */
export interface Configuration {
  readonly broadcasters: Broadcasters;
  /**
   * Stores a broadcaster for `broadcaster: key`; the keys `default` and `async` serve no option and `async: true`.
   *
   * @throws {InvalidArgument} The key is no string, or the object has no method `broadcast`.
   */
  broadcaster(key: string, broadcaster: Broadcaster): Configuration;
  /** What `prefix: true` means; `'on'` by default, and again once set to undefined. */
  get defaultPrefix(): string;
  set defaultPrefix(prefix: string | undefined);
}

export function createConfiguration(): Configuration {
  const broadcasters = new Broadcasters();
  let defaultPrefix = 'on';
  const configuration: Configuration = {
    broadcasters,
    broadcaster(key, broadcaster) {
      if (typeof key !== 'string' || key === '') throw new InvalidArgument('key', 'a string', key);
      if (!isBroadcaster(broadcaster)) {
        throw new InvalidArgument('broadcaster', 'an object with a method `broadcast`', broadcaster);
      }
      broadcasters.set(key, broadcaster);
      return configuration;
    },
    get defaultPrefix() {
      return defaultPrefix;
    },
    set defaultPrefix(prefix) {
      defaultPrefix = readDefaultPrefix(prefix);
    },
  };
  return configuration;
}
