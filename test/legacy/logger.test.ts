/* oxlint-disable typescript/no-extraneous-class -- classes themselves are listeners, publishers and broadcasters here */
import { describe, expect, it } from '@jest/globals';
import { createBus, loggerBroadcaster, LoggerBroadcaster } from '../../legacy/index.js';
import { earFor, errorOf } from './ears.js';

class Shop {
  readonly id = 7;
}
class Door {
  readonly uuid = 'd-1';
}
class Lock {
  key() {
    return 'k';
  }
}
class Plain {}

function lineFor(publisher: object, listener: object, ...args: unknown[]): string {
  const lines: string[] = [];
  const inner = { broadcast: () => undefined };
  new LoggerBroadcaster({ info: (line) => lines.push(line) }, inner).broadcast(
    listener,
    publisher,
    'opened',
    ...args,
  );
  return lines.join('\n');
}

describe('the logging broadcaster', () => {
  it('logs first, then passes everything on', () => {
    // W140
    const log: unknown[] = [];
    const inner = { broadcast: (...given: unknown[]) => void log.push(given) };
    const [ear, shop] = [earFor(['opened']), new Shop()];
    loggerBroadcaster({ info: () => log.push('info') }, inner).broadcast(ear, shop, 'opened', 1, 'two');
    expect(log).toEqual(['info', [ear, shop, 'opened', 1, 'two']]);
  });

  it('writes one line with publisher, method, listener and arguments', () => {
    // W141
    expect(lineFor(new Shop(), new Door())).toBe(
      '[WISPER] Shop#7 published opened to Door#d-1 with no arguments and no keyword arguments',
    );
  });

  it('names objects by id, uuid or key, else by a number they keep', () => {
    // W142
    const plain = new Plain();
    const line = lineFor(new Lock(), plain);
    expect(line).toMatch(/Lock#k published opened to Plain#\d+ with/);
    expect(lineFor(new Lock(), plain)).toBe(line);
    expect(lineFor(new Lock(), new Plain())).not.toBe(line);
  });

  it('skips an id that wants arguments, and names a class by its own name', () => {
    // W142
    const listener = { id: (salt: string) => salt, key: 'second' };
    expect(lineFor(Shop, listener)).toMatch(/Shop#\d+ published opened to Object#second/);
  });

  it('prints arguments, with their value where it says more than the class', () => {
    // W143
    const line = lineFor(
      new Shop(),
      new Door(),
      new Shop(),
      5,
      'x',
      [1],
      { a: 1 },
      null,
      undefined,
      true,
      3n,
    );
    expect(line.replaceAll(/#\d+: /g, '#n: ')).toContain(
      "with Shop#7, Number: 5, String: 'x', Array#n: [ 1 ], Object#n: { a: 1 }, null, undefined, Boolean: true, BigInt: 3n and no",
    );
  });

  it('does not stumble over a listener that answers to everything', () => {
    // W144
    const listener = new Proxy(new Plain(), {
      get: () => (first: unknown, second: unknown) => [first, second],
    });
    expect(lineFor(new Shop(), listener, Object.create(null))).toMatch(/Plain#\d+ with Object#\d+: /);
  });

  it('logs the method, after prefix and with, for the subscriptions that resolve to it', () => {
    // W145, W146
    const bus = createBus();
    const lines: string[] = [];
    const ear = earFor(['on_handle', 'opened']);
    const shop = bus.publisher(new Shop()).subscribe(ear);
    bus.configuration.broadcaster('default', loggerBroadcaster({ info: (line) => lines.push(line) }));
    shop
      .subscribe(ear, { prefix: true, with: 'handle' })
      .on('opened', () => {})
      .broadcast('opened');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/published on_handle to Listener#/);
    expect(ear.heard).toEqual([['opened'], ['on_handle']]);
  });

  it('needs a logger with info, and a broadcaster inside', () => {
    expect(() => loggerBroadcaster({} as never)).toThrow(errorOf('invalid_argument', /logger/));
    expect(() => loggerBroadcaster({ info() {} }, {} as never)).toThrow(errorOf('invalid_argument', /inner/));
  });
});
