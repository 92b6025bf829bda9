import { describe, expect, it } from '@jest/globals';
import { createBus } from '../../legacy/index.js';
import { callOf, errorOf } from './ears.js';

const bus = createBus();
const newShop = () => bus.publisher({});

describe('a block', () => {
  it('is called with the arguments of its event', () => {
    // W115
    const heard: unknown[][] = [];
    newShop()
      .on('opened', (...args: unknown[]) => heard.push(args))
      .broadcast('opened', 1, 'two')
      .broadcast('closed');
    expect(heard).toEqual([[1, 'two']]);
  });

  it('may stand for several events', () => {
    // W116
    let calls = 0;
    newShop()
      .on('opened', 'closed', () => (calls += 1))
      .broadcast('opened')
      .broadcast('closed')
      .broadcast('lit');
    expect(calls).toBe(2);
  });

  it('gives back the publisher, for the next one', () => {
    // W117
    const shop = newShop();
    expect(shop.on('opened', () => {}).on('closed', () => {})).toBe(shop);
  });

  it('needs at least one event', () => {
    // W118
    const shop = newShop();
    const on = callOf(shop, 'on');
    expect(() => on(() => {})).toThrow(errorOf('invalid_argument', /at least one event/));
    expect(shop.listeners).toEqual([]);
  });

  it('needs a function after the events', () => {
    // W118
    const shop = newShop();
    const on = callOf(shop, 'on');
    expect(() => on('opened')).toThrow(errorOf('invalid_argument', /a function/));
    expect(() => on()).toThrow(errorOf('invalid_argument', /a function/));
    expect(() => on('opened', () => {}, { prefix: true })).toThrow(errorOf('invalid_argument', /a function/));
  });

  it.each([[/opened/], [['opened']], [{ on: 'opened' }], [undefined]])(
    'takes names only, not %p',
    (event) => {
      // W119
      expect(() => callOf(newShop(), 'on')(event, () => {})).toThrow(
        errorOf('invalid_argument', /an event name/),
      );
    },
  );

  it('may take fewer or more arguments than there are', () => {
    // W120
    const heard: unknown[] = [];
    newShop()
      .on('opened', (first: unknown) => heard.push(first))
      .on('opened', (_a: unknown, _b: unknown, third: unknown) => heard.push(third))
      .broadcast('opened', 1, 2);
    expect(heard).toEqual([1, undefined]);
  });

  it('gets an array as one argument', () => {
    // W120
    const heard: unknown[][] = [];
    newShop()
      .on('opened', (...args: unknown[]) => heard.push(args))
      .broadcast('opened', [1, 2]);
    expect(heard).toEqual([[[1, 2]]]);
  });

  it('ends itself alone when it returns', () => {
    // W120a
    const log: string[] = [];
    newShop()
      .on('opened', () => {
        log.push('first');
        return;
      })
      .on('opened', () => log.push('second'))
      .broadcast('opened');
    expect(log).toEqual(['first', 'second']);
  });

  it('keeps the `this` of the place where it was written', () => {
    // W120b
    class Controller {
      readonly seen: string[] = [];
      run() {
        newShop()
          .on('opened', () => this.seen.push('opened'))
          .broadcast('opened');
      }
    }
    const controller = new Controller();
    controller.run();
    expect(controller.seen).toEqual(['opened']);
  });

  it('hears its publisher whatever its class: a scope cannot be given', () => {
    // W67
    let calls = 0;
    class Kiosk extends bus.Publisher() {
      open() {
        this.broadcast('opened');
      }
    }
    new Kiosk().on('opened', () => (calls += 1)).open();
    expect(calls).toBe(1);
  });
});
