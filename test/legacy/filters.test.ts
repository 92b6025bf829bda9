import { describe, expect, it } from '@jest/globals';
import { createBus, type SubscribeOptions } from '../../legacy/index.js';
import { earFor, errorOf } from './ears.js';

const bus = createBus();
class Shop extends bus.Publisher() {
  say(event: string, ...args: unknown[]) {
    return this.broadcast(event, ...args);
  }
}

const events = ['opened', 'reopened', 'closed'];

function heardWith(options: SubscribeOptions): unknown[] {
  const ear = earFor(events);
  const shop = new Shop().subscribe(ear, options);
  for (const event of events) shop.say(event);
  return ear.heard.map(([method]) => method);
}

describe('the option on', () => {
  it('names one event', () => {
    // W36
    expect(heardWith({ on: 'opened' })).toEqual(['opened']);
    expect(heardWith({ on: new (class extends String {})('opened') })).toEqual(['opened']); // W43
  });

  it('names several events, in an array or any other iterable', () => {
    // W37, W41
    expect(heardWith({ on: ['opened', 'closed'] })).toEqual(['opened', 'closed']);
    expect(heardWith({ on: new Set(['closed']) })).toEqual(['closed']);
    expect(heardWith({ on: new Map([['closed', 1]]).keys() })).toEqual(['closed']);
  });

  it('matches a pattern anywhere in the name', () => {
    // W38
    expect(heardWith({ on: /open/ })).toEqual(['opened', 'reopened']);
    expect(heardWith({ on: /^open/ })).toEqual(['opened']);
  });

  it('matches a global or sticky pattern the same way every time', () => {
    // W38
    const ear = earFor(['handle']);
    const sticky = /open/y;
    const shop = new Shop()
      .subscribe(ear, { on: /open/g, with: 'handle' })
      .subscribe(ear, { on: sticky, with: 'handle' });
    sticky.lastIndex = 3;
    shop.say('opened').say('opening').say('open').say('reopened');
    expect(ear.heard).toHaveLength(7);
  });

  it('lets everything through when it is left out, null or undefined', () => {
    // W39
    expect(heardWith({})).toEqual(events);
    expect(heardWith({ on: null })).toEqual(events);
    expect(heardWith({ on: undefined })).toEqual(events);
  });

  it('lets nothing through when it is empty', () => {
    // W40
    expect(heardWith({ on: [] })).toEqual([]);
  });

  it.each([
    // W41, W42, W44
    [5],
    [{}],
    [true],
    [() => {}],
    [[/opened/]],
    [['opened', 5]],
    [[['opened']]],
    [new Map([['opened', 1]])],
  ])('is refused at the subscription when it is %p', (on) => {
    const shop = new Shop();
    expect(() => shop.subscribe(earFor(events), { on } as unknown as SubscribeOptions)).toThrow(
      errorOf('invalid_argument', /`on`/),
    );
    expect(shop.listeners).toEqual([]);
  });

  it('lets an event through only when the listener has a method too', () => {
    // W45
    const ear = earFor(['opened']);
    new Shop()
      .subscribe(ear, { on: ['opened', 'closed'] })
      .say('closed')
      .say('opened');
    expect(ear.heard).toEqual([['opened']]);
  });

  it('looks at the name of the event, not at the name of the method', () => {
    // W46
    const ear = earFor(['on_foo_bar', 'handle']);
    const shop = new Shop()
      .subscribe(ear, { on: 'foo_bar', prefix: true })
      .subscribe(ear, { on: 'on_foo_bar', prefix: true })
      .subscribe(ear, { on: 'handle', with: 'handle' });
    shop.say('foo-bar');
    expect(ear.heard).toEqual([['on_foo_bar']]);
  });
});
