import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createBus } from '../../legacy/index.js';
import { earFor, errorOf } from './ears.js';

const rejects = async (): Promise<never> => Promise.reject(new Error('lost'));

/** Catches what would be printed: Jest's `process` emits no warnings of its own. */
async function firstWarning(refuse: (warning: unknown) => void = () => {}): Promise<unknown> {
  return new Promise((resolve) => {
    jest.spyOn(process, 'emitWarning').mockImplementation((warning) => {
      refuse(warning);
      resolve(warning);
    });
  });
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a listener that throws', () => {
  it('stops the broadcast: earlier listeners have run, later ones do not, the publisher gets the very error', () => {
    // W121, W122
    const bus = createBus();
    const [before, after, global] = [earFor(['opened']), earFor(['opened']), earFor(['opened'])];
    const failure = new Error('the key is lost');
    bus.subscribe(global);
    const shop = bus.publisher({});
    shop.subscribe(before).on('opened', () => {
      throw failure;
    });
    shop.subscribe(after);
    expect(() => shop.broadcast('opened')).toThrow(failure);
    expect([before, after, global].map((each) => each.heard.length)).toEqual([1, 0, 0]);
  });

  it('leaves the bus as it was for the next broadcast', () => {
    // W121
    const bus = createBus();
    const ear = earFor(['opened']);
    let broken = true;
    const shop = bus.publisher({}).on('opened', () => {
      if (broken) throw new Error('the key is lost');
    });
    shop.subscribe(ear);
    expect(() => shop.broadcast('opened')).toThrow('the key is lost');
    broken = false;
    shop.broadcast('opened');
    expect(ear.heard).toHaveLength(1);
  });

  it('is not taken for one without a method when it calls what does not exist', () => {
    // W123
    const shop = createBus().publisher({});
    shop.subscribe({ opened: (door: { unlock: () => void }) => door.unlock() });
    expect(() => shop.broadcast('opened', {})).toThrow(TypeError);
  });

  it('may throw anything', () => {
    // W125
    const shop = createBus().publisher({});
    const ear = earFor(['opened']);
    shop
      .on('opened', () => {
        throw 'a string'; // oxlint-disable-line no-throw-literal, typescript/only-throw-error -- what Ruby's throw becomes
      })
      .subscribe(ear);
    let caught: unknown;
    try {
      shop.broadcast('opened');
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe('a string');
    expect(ear.heard).toEqual([]);
  });

  it('does not throw for arguments that it does not declare', () => {
    // W124
    const shop = createBus().publisher({});
    const seen: unknown[] = [];
    shop.subscribe({ opened: (first: unknown, second: unknown) => seen.push(first, second) });
    shop.broadcast('opened').broadcast('opened', 1, 2, 3);
    expect(seen).toEqual([undefined, undefined, 1, 2]);
  });
});

describe('an async listener', () => {
  it('does not hold the broadcast up, nor the listeners after it', () => {
    const bus = createBus();
    const log: string[] = [];
    bus.subscribe(
      {
        opened: async () => {
          log.push('starts');
          await Promise.resolve();
          log.push('ends');
        },
      },
      { opened: () => log.push('next') },
    );
    bus.publisher({}).broadcast('opened');
    log.push('returned');
    expect(log).toEqual(['starts', 'next', 'returned']);
  });

  it('that rejects is told to every onError handler, with event, listener and cause', async () => {
    const bus = createBus();
    const failure = new Error('the key is lost');
    class DoorListener {
      async opened() {
        throw failure;
      }
    }
    bus.subscribe(new DoorListener());
    const told: Error[] = [];
    bus.onError((error) => told.push(error));
    const error = await new Promise<Error>((resolve) => {
      bus.onError(resolve);
      bus.publisher({}).broadcast('opened');
    });
    expect(told).toEqual([error]);
    expect(error).toEqual(errorOf('listener_failed', /DoorListener failed on "opened" .*: the key is lost/));
    expect(error).toMatchObject({ eventName: 'opened', cause: failure });
  });

  it('that rejects is told of, be it a block or behind a broadcaster', async () => {
    const bus = createBus();
    const told: Error[] = [];
    const both = new Promise<void>((resolve) => {
      bus.onError((error) => {
        if (told.push(error) === 2) resolve();
      });
    });
    bus
      .publisher({})
      .on('opened', rejects)
      .subscribe(earFor(['opened']), { broadcaster: { broadcast: rejects } })
      .broadcast('opened');
    await both;
    expect(told.map((each) => Reflect.get(each, 'code'))).toEqual(['listener_failed', 'listener_failed']);
  });

  it('that rejects becomes a process warning when nobody asked to be told', async () => {
    const warned = firstWarning();
    createBus().publisher({}).on('opened', rejects).broadcast('opened');
    expect(await warned).toEqual(errorOf('listener_failed', /lost/));
  });

  it('that rejects becomes a warning in words where the process takes no such error object', async () => {
    const warned = firstWarning((warning) => {
      if (typeof warning !== 'string') throw new TypeError('an error of another realm');
    });
    createBus().publisher({}).on('opened', rejects).broadcast('opened');
    expect(await warned).toMatch(/failed on "opened" .*: lost/);
  });

  it('may give back something to await later: it is left alone', () => {
    let ran = false;
    const query = {
      // oxlint-disable-next-line unicorn/no-thenable -- query builders run when they are awaited
      then() {
        ran = true;
      },
    };
    createBus()
      .publisher({})
      .on('opened', () => query)
      .broadcast('opened');
    expect(ran).toBe(false);
  });
});

describe('an onError handler', () => {
  it('is told nothing more once it is taken away', async () => {
    const bus = createBus();
    const [kept, gone] = [jest.fn(), jest.fn()];
    bus.onError(gone)();
    const told = new Promise<void>((resolve) => {
      bus.onError((error) => {
        kept(error);
        resolve();
      });
    });
    bus.publisher({}).on('opened', rejects).broadcast('opened');
    await told;
    expect(kept).toHaveBeenCalledTimes(1);
    expect(gone).not.toHaveBeenCalled();
  });

  it('that throws itself becomes a warning and does not keep the error from the others', async () => {
    const bus = createBus();
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    bus.onError(() => {
      throw new Error('the handler broke');
    });
    const told = new Promise<Error>((resolve) => {
      bus.onError(resolve);
    });
    bus.publisher({}).on('opened', rejects).broadcast('opened');
    expect((await told).message).toMatch(/lost/);
    expect(warnings.mock.calls.map(([warning]) => String(warning))).toEqual([
      expect.stringContaining('lost'),
      expect.stringContaining('the handler broke'),
    ]);
    warnings.mockRestore();
  });

  it('must be a function', () => {
    expect(() => createBus().onError('log' as unknown as () => void)).toThrow(errorOf('invalid_argument'));
  });
});
