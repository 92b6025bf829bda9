import { describe, expect, it } from '@jest/globals';
import { type Broadcaster, createBus, sendBroadcaster } from '../../legacy/index.js';
import { earFor, errorOf } from './ears.js';

const silent: Broadcaster = { broadcast: () => undefined };

describe('the configuration of a bus', () => {
  it('is one object, given to configure', () => {
    // W136
    const bus = createBus();
    let given: unknown;
    bus.configure((c) => {
      given = c;
    });
    expect(given).toBe(bus.configuration);
    expect(bus.configuration).toBe(bus.configuration);
    expect(createBus().configuration).not.toBe(bus.configuration);
  });

  it('takes broadcasters in a chain', () => {
    // W137
    const { configuration } = createBus();
    expect(configuration.broadcaster('a', silent).broadcaster('b', silent)).toBe(configuration);
    expect([...configuration.broadcasters.keys()]).toEqual(['default', 'a', 'b']);
    expect(configuration.broadcasters.fetch('b')).toBe(silent);
  });

  it('lists its broadcasters as a map', () => {
    // W137
    const { broadcasters } = createBus().configuration;
    broadcasters.set('a', silent);
    expect(broadcasters.get('a')).toBe(silent);
    expect(broadcasters.has('b')).toBe(false);
    expect(Object.fromEntries(broadcasters)).toEqual({ default: sendBroadcaster, a: silent });
    broadcasters.clear();
    expect(broadcasters.size).toBe(0);
  });

  it('refuses a broadcaster that cannot broadcast, and a key that is no string', () => {
    const { configuration } = createBus();
    expect(() => configuration.broadcaster('a', {} as Broadcaster)).toThrow(errorOf('invalid_argument'));
    expect(() => configuration.broadcaster(Symbol('a') as unknown as string, silent)).toThrow(
      errorOf('invalid_argument'),
    );
  });

  it('knows the default broadcaster from the start, and again after setup', () => {
    // W138
    const bus = createBus();
    expect(bus.configuration.broadcasters.get('default')).toBe(sendBroadcaster);
    bus.configure((c) => c.broadcaster('default', silent).broadcaster('async', silent));
    bus.setup();
    expect(Object.fromEntries(bus.configuration.broadcasters)).toEqual({
      default: sendBroadcaster,
      async: silent,
    });
  });
});

describe('the members of a bus', () => {
  it('can be taken out of it', () => {
    const { Publisher, subscribe, unsubscribe, clear, configure, setup, onError, publisher } = createBus();
    class Shop extends Publisher() {
      say(event: string) {
        return this.broadcast(event);
      }
    }
    const [ear, other] = [earFor(['opened']), earFor(['opened'])];
    subscribe(ear, other);
    unsubscribe(other);
    new Shop().say('opened');
    publisher({}).broadcast('opened');
    clear();
    configure((c) => c.broadcaster('a', silent));
    setup();
    onError(() => {})();
    new Shop().say('opened');
    expect(ear.heard).toHaveLength(2);
    expect(other.heard).toEqual([]);
  });
});
