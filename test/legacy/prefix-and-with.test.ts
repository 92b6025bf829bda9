import { describe, expect, it } from '@jest/globals';
import { createBus } from '../../legacy/index.js';
import { earFor, errorOf } from './ears.js';

function heardWith(options: object, methods: readonly string[], bus = createBus()): unknown[] {
  const ear = earFor(methods);
  const shop = bus.publisher({}).subscribe(ear, options);
  shop.broadcast('opened', 1).broadcast('closed', 2);
  return [...ear.heard];
}

describe('the option with', () => {
  it('sends the event to that method', () => {
    // W47
    expect(heardWith({ on: 'opened', with: 'handle' }, ['handle', 'opened'])).toEqual([['handle', 1]]);
  });

  it('sends every event to that method when there is no filter', () => {
    // W48
    expect(heardWith({ with: 'handle' }, ['handle'])).toEqual([
      ['handle', 1],
      ['handle', 2],
    ]);
  });

  it('sends several events to one method', () => {
    // W49
    expect(heardWith({ on: ['opened', 'closed'], with: 'handle' }, ['handle'])).toHaveLength(2);
  });

  it('is silent when the listener has no such method', () => {
    // W58
    expect(heardWith({ with: 'hadnle' }, ['handle', 'opened'])).toEqual([]);
  });

  it.each([[['opened', 'closed']], [5], [{}], [true], [false], ['']])('is refused when it is %p', (value) => {
    // W59
    expect(() => heardWith({ with: value }, ['handle'])).toThrow(errorOf('invalid_argument', /`with`/));
  });
});

describe('the option prefix', () => {
  const methods = ['opened', 'on_opened', 'when_opened', 'after_opened', 'false_opened', '_opened'];

  it('is `on` when it is true', () => {
    // W50, W55
    expect(heardWith({ prefix: true }, methods)).toEqual([['on_opened', 1]]);
  });

  it('is joined to the name by an underscore', () => {
    // W51
    expect(heardWith({ prefix: 'when' }, methods)).toEqual([['when_opened', 1]]);
    expect(heardWith({ prefix: 'after' }, methods)).toEqual([['after_opened', 1]]);
  });

  it('is nothing when it is left out, null or empty', () => {
    // W52
    for (const prefix of [undefined, null, ''])
      expect(heardWith({ prefix }, methods)).toEqual([['opened', 1]]);
  });

  it.each([[false], [5], [['on']], ['_'], ['a b'], ['constructor']])('is refused when it is %p', (prefix) => {
    // W53
    expect(() => heardWith({ prefix }, methods)).toThrow(errorOf('invalid_argument', /`prefix`/));
  });

  it('goes in front of `with`', () => {
    // W54
    expect(heardWith({ prefix: true, with: 'handle', on: 'opened' }, ['on_handle', 'handle'])).toEqual([
      ['on_handle', 1],
    ]);
  });
});

describe('the configured prefix', () => {
  const methods = ['opened', 'on_opened', 'when_opened'];

  it('says what `prefix: true` means, and nothing else', () => {
    // W56, W139
    const bus = createBus();
    bus.configure((c) => {
      c.defaultPrefix = 'when';
    });
    expect(bus.configuration.defaultPrefix).toBe('when');
    expect(heardWith({ prefix: true }, methods, bus)).toEqual([['when_opened', 1]]);
    expect(heardWith({}, methods, bus)).toEqual([['opened', 1]]);
    bus.configuration.defaultPrefix = undefined;
    expect(heardWith({ prefix: true }, methods, bus)).toEqual([['on_opened', 1]]);
  });

  it('does not reach subscriptions that exist already', () => {
    // W57
    const bus = createBus();
    const ear = earFor(methods);
    const shop = bus.publisher({}).subscribe(ear, { prefix: true });
    bus.configuration.defaultPrefix = 'when';
    shop.broadcast('opened');
    expect(ear.heard).toEqual([['on_opened']]);
  });

  it('is refused when no method could start with it', () => {
    const { configuration } = createBus();
    for (const prefix of ['_', '', 'a b', 5]) {
      expect(() => Object.assign(configuration, { defaultPrefix: prefix })).toThrow(
        errorOf('invalid_argument'),
      );
    }
  });
});
