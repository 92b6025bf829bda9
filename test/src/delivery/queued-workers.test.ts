import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  EventStore,
  LogUnavailable,
  memoryLog,
  type DeliveryLog,
  type Event,
  type WorkOptions,
} from 'handover';
import { errorOf, QuoteArchived, QuoteCompleted, quotes } from '../store/sample-events.js';

const to = [QuoteCompleted];
const queued = { to, run: 'queued', name: 'quotes.mail', effects: 'external' } as const;
const down = new LogUnavailable(new Error('connection refused'));

const stores: EventStore[] = [];
const unhandled: unknown[] = [];
const remember = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  jest.useFakeTimers({ now: 0, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  process.on('unhandledRejection', remember);
});

afterEach(async () => {
  await passing(Promise.all(stores.splice(0).map((store) => store.close())));
  expect(jest.getTimerCount()).toBe(0);
  jest.restoreAllMocks();
  jest.useRealTimers();
  await turnOfTheLoop();
  process.off('unhandledRejection', remember);
  expect(unhandled.splice(0)).toEqual([]);
});

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets everything happen that does not wait for a timer. */
async function untilQuiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await turnOfTheLoop();
}

async function later(milliseconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(milliseconds);
  await untilQuiet();
}

/** Lets time pass, second by second, until `work` has ended. */
async function passing(work: Promise<unknown>): Promise<void> {
  const clock = { stopped: false };
  const ended = work.finally(() => (clock.stopped = true));
  for (let each = 0; !clock.stopped && each < 600; each += 1) await later(1_000);
  await ended;
}

async function seconds(count: number): Promise<void> {
  for (let each = 0; each < count; each += 1) await later(1_000);
}

/** A store on a log whose deliveries may be replaced in part. */
function withDeliveries(change: (deliveries: DeliveryLog) => Partial<DeliveryLog> = () => ({})) {
  const log = memoryLog();
  const deliveries = { ...log.deliveries, ...change(log.deliveries) };
  const open = () => {
    const store = new EventStore({ log: { ...log, deliveries } });
    stores.push(store);
    store.onError((error) => errors.push(error));
    return store;
  };
  const errors: unknown[] = [];
  const fate = async (eventId = 'a') => (await log.deliveries.fatesOf(eventId))[0];
  return { log, deliveries, open, store: open(), errors, fate };
}

/** A handler whose runs end when they are told to. */
function held() {
  const started: string[] = [];
  const signals = new Map<string, AbortSignal>();
  const gates = new Map<string, () => void>();
  const handler = async (event: Event, { signal }: { readonly signal: AbortSignal }) => {
    started.push(event.id);
    signals.set(event.id, signal);
    await new Promise<void>((resolve) => gates.set(event.id, resolve));
  };
  return { started, signals, handler, end: (id: string) => gates.get(id)?.() };
}

describe('a worker', () => {
  it('hears at once of what is published in its process, and in others where the log can listen', async () => {
    const { store, open, fate } = withDeliveries();
    store.subscribe(() => {}, queued);
    await store.work();
    await untilQuiet();
    await store.publish(quotes('a'));
    await untilQuiet();
    expect(await fate('a')).toMatchObject({ state: 'done' });
    await open().publish(quotes('b'));
    await untilQuiet();
    expect(await fate('b')).toMatchObject({ state: 'done' });
  });

  it('hears of its own process where the log cannot listen, and looks for the rest within `pollEvery`', async () => {
    const { store, open, fate } = withDeliveries(() => ({ listen: async () => async () => {} }));
    store.subscribe(() => {}, queued);
    await store.work({ pollEvery: 5_000 });
    await untilQuiet();
    await store.publish(quotes('a'));
    await untilQuiet();
    expect(await fate('a')).toMatchObject({ state: 'done' });
    await later(100); // it has looked once more, for what came together with it
    await open().publish(quotes('b'));
    await later(2_499);
    expect(await fate('b')).toMatchObject({ state: 'pending' });
    await later(2_501);
    expect(await fate('b')).toMatchObject({ state: 'done' });
  });

  it('is back when the next attempt falls due, between its polls', async () => {
    const { store, fate } = withDeliveries();
    let failures = 1;
    const fail = async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('once');
    };
    jest.spyOn(Math, 'random').mockReturnValue(1);
    store.subscribe(fail, { ...queued, backoff: 700 });
    await store.publish(quotes('a'));
    await store.work({ pollEvery: 60_000 });
    await untilQuiet();
    await later(699);
    expect(await fate()).toMatchObject({ state: 'pending' });
    await later(1);
    expect(await fate()).toMatchObject({ state: 'done', attempt: 2 });
  });

  it('runs no more at once than it may, nor of one handler, and takes nothing it cannot run', async () => {
    const { store, log } = withDeliveries();
    const [slow, fast] = [held(), held()];
    store.subscribe(slow.handler, { ...queued, name: 'slow', concurrency: 2 });
    store.subscribe(fast.handler, { ...queued, name: 'fast' });
    await store.publish(quotes('abcd'));
    const worker = await store.work({ concurrency: 5 });
    await untilQuiet();
    expect([slow.started.join(''), fast.started.join('')]).toEqual(['ab', 'abc']);
    const fates = (await Promise.all(Array.from('abcd', (id) => log.deliveries.fatesOf(id)))).flat();
    expect(fates.filter(({ state }) => state === 'running')).toHaveLength(5);
    fast.end('a');
    await untilQuiet();
    expect([slow.started.join(''), fast.started.join('')]).toEqual(['ab', 'abcd']);
    slow.end('b');
    await untilQuiet();
    expect(slow.started.join('')).toBe('abc');
    for (const id of 'abcd') {
      slow.end(id);
      fast.end(id);
      await untilQuiet();
    }
    slow.end('d');
    await worker.idle();
    expect(slow.started.join('')).toBe('abcd');
  });

  it('runs the handlers it was told to, and leaves the others to others', async () => {
    const { store, log } = withDeliveries();
    store.subscribe(() => {}, { ...queued, name: 'mine' });
    store.subscribe(() => {}, { ...queued, name: 'yours' });
    await store.publish(quotes('a'));
    await (await store.work({ handlers: ['mine'] })).idle();
    expect(await log.deliveries.fatesOf('a')).toMatchObject([{ state: 'done' }, { state: 'pending' }]);
  });

  it('takes up a handler that is subscribed while it works, and drops one that is taken away', async () => {
    const { store, fate } = withDeliveries();
    const worker = await store.work();
    await worker.idle();
    const unsubscribe = store.subscribe(() => {}, queued);
    await store.publish(quotes('a'));
    await worker.idle();
    expect(await fate('a')).toMatchObject({ state: 'done' });
    unsubscribe();
    await store.publish(quotes('b'));
    await worker.idle();
    expect(await fate('b')).toMatchObject({ state: 'pending' });
  });

  it('shares the work with others, each delivery once', async () => {
    const { store, open } = withDeliveries();
    const heard: string[] = [];
    const other = open();
    for (const each of [store, other]) each.subscribe(({ id }) => heard.push(id), queued);
    await store.publish(quotes('abcdefghijklmnop'));
    const workers = await Promise.all([store.work({ concurrency: 2 }), other.work({ concurrency: 2 })]);
    await Promise.all(workers.map((worker) => worker.idle()));
    expect(heard.toSorted().join('')).toBe('abcdefghijklmnop');
  });

  it.each([
    ['concurrency', 0],
    ['pollEvery', -1],
    ['leaseFor', 5],
    ['grace', '1s'],
    ['handlers', []],
    ['handlers', ['unknown']],
    ['signals', 'SIGTERM'],
    ['signals', ['SIGKILL']],
    ['options', null],
  ])('is refused with %s: %j', async (argument, value) => {
    const { store } = withDeliveries();
    store.subscribe(() => {}, queued);
    const options = (argument === 'options' ? value : { [argument]: value }) as WorkOptions;
    expect(await errorOf(() => store.work(options))).toMatchObject({ code: 'invalid_argument', argument });
  });

  it('is refused with an option that it does not know, and the one that was meant is named', async () => {
    const { store } = withDeliveries();
    const error = await errorOf(() => store.work({ concurency: 3 } as WorkOptions));
    expect(error).toMatchObject({ code: 'invalid_argument', argument: 'options', received: 'concurency' });
    expect(String(error)).toContain('Write `concurrency` in place of `concurency`.');
  });

  it('does not start where its handlers cannot be made known', async () => {
    const { store } = withDeliveries(() => ({ register: () => Promise.reject(down) }));
    store.subscribe(() => {}, queued);
    expect(await errorOf(() => store.work())).toBe(down);
  });
});

describe('a worker whose log fails', () => {
  it('waits longer each time, says so by onError, and goes on when the log is back', async () => {
    let broken = true;
    let calls = 0;
    const { store, errors, fate } = withDeliveries((log) => ({
      claim: (request) => {
        calls += 1;
        return broken ? Promise.reject(down) : log.claim(request);
      },
    }));
    jest.spyOn(Math, 'random').mockReturnValue(1);
    store.subscribe(() => {}, queued);
    await store.publish(quotes('a'));
    const worker = await store.work();
    await seconds(60);
    expect(calls).toBeGreaterThan(5);
    expect(calls).toBeLessThan(15);
    expect(errors).toEqual(Array.from({ length: calls }, () => down));
    broken = false;
    await seconds(20);
    await worker.idle();
    expect(await fate()).toMatchObject({ state: 'done' });
  });

  it('is not made to spin by what is published meanwhile', async () => {
    let calls = 0;
    const { store } = withDeliveries(() => ({
      claim: () => {
        calls += 1;
        return Promise.reject(down);
      },
    }));
    store.subscribe(() => {}, queued);
    await store.work();
    for (const id of 'abcdefghij') {
      await store.publish(quotes(id));
      await untilQuiet();
    }
    expect(calls).toBe(1);
  });

  it('tells the log again what became of a delivery', async () => {
    let failures = 2;
    const { store, errors, fate } = withDeliveries((log) => ({
      complete: (tokens) => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(down) : log.complete(tokens);
      },
    }));
    let runs = 0;
    store.subscribe(() => void (runs += 1), queued);
    await store.publish(quotes('ab'));
    const worker = await store.work();
    await seconds(2);
    await worker.idle();
    expect([await fate('a'), await fate('b')]).toMatchObject([{ state: 'done' }, { state: 'done' }]);
    expect(runs).toBe(2);
    expect(errors).toEqual([down, down]);
  });

  it('does not let one bad answer spoil those told together with it', async () => {
    const { store, fate } = withDeliveries((log) => ({
      fail: (failures) =>
        failures.some(({ error }) => error.message === 'c')
          ? Promise.reject(new Error('odd'))
          : log.fail(failures),
    }));
    store.subscribe(({ id }) => Promise.reject(new Error(id)), { ...queued, attempts: 1 });
    await store.publish(quotes('abcd'));
    await store.work();
    await seconds(10);
    expect(await fate('b')).toMatchObject({ state: 'dead' });
    expect(await fate('d')).toMatchObject({ state: 'dead' });
  });

  it('lets the delivery be taken over when the log never answers', async () => {
    const { store, fate } = withDeliveries(() => ({ complete: () => Promise.reject(down) }));
    let runs = 0;
    store.subscribe(() => void (runs += 1), queued);
    await store.publish(quotes('a'));
    await store.work();
    await seconds(100);
    expect(runs).toBeGreaterThan(1);
    expect(await fate()).toMatchObject({ state: 'running' });
  });

  it('keeps trying to listen', async () => {
    let tries = 0;
    const { store, open, fate } = withDeliveries((log) => ({
      listen: (wake) => {
        tries += 1;
        return tries < 3 ? Promise.reject(down) : log.listen(wake);
      },
    }));
    store.subscribe(() => {}, queued);
    await store.work({ pollEvery: 1_000_000 });
    await seconds(5);
    expect(tries).toBe(3);
    await open().publish(quotes('a'));
    await untilQuiet();
    expect(await fate()).toMatchObject({ state: 'done' });
  });
});

describe('a lease', () => {
  it('is renewed at half time while the handler runs', async () => {
    const { store, open, fate } = withDeliveries();
    const { handler, started, end } = held();
    for (const each of [store, open()]) {
      each.subscribe(handler, queued);
      await each.work({ leaseFor: 10_000 });
    }
    await store.publish(quotes('a'));
    for (let each = 0; each < 12; each += 1) {
      await later(5_000);
      const left = Number((await fate())?.leasedUntil) - Date.now();
      expect(left).toBeGreaterThanOrEqual(5_000);
    }
    end('a');
    await untilQuiet();
    expect(started).toEqual(['a']);
    expect(await fate()).toMatchObject({ state: 'done', attempt: 1 });
  });

  it('that cannot be renewed for a moment is tried again before it ends', async () => {
    let failures = 1;
    const { store, errors, fate } = withDeliveries((log) => ({
      renew: (tokens, leaseFor) => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(down) : log.renew(tokens, leaseFor);
      },
    }));
    const { handler, end } = held();
    store.subscribe(handler, queued);
    await store.publish(quotes('a'));
    await store.work({ leaseFor: 8_000 });
    await later(4_000);
    expect(errors).toEqual([down]);
    await later(1_000);
    expect(await fate()).toMatchObject({ leasedUntil: new Date(13_000) });
    end('a');
  });

  it('that is lost aborts the signal, and nobody is told that the delivery is done', async () => {
    const { store, errors, fate, log } = withDeliveries((deliveries) => ({
      renew: async (tokens) => {
        await deliveries.fail(
          tokens.map((token) => ({
            token,
            error: { name: 'Taken', message: 'over', stack: undefined },
            next: { kind: 'dead' },
          })),
        );
        return tokens;
      },
    }));
    const { handler, signals, end } = held();
    store.subscribe(handler, queued);
    await store.publish(quotes('a'));
    const worker = await store.work();
    await later(15_000);
    expect(signals.get('a')?.reason).toMatchObject({ code: 'delivery_lost', handlerName: 'quotes.mail' });
    end('a');
    await worker.idle();
    expect(await fate()).toMatchObject({ state: 'dead', lastError: { name: 'Taken' } });
    expect(errors).toMatchObject([{ code: 'delivery_lost' }]);
    expect(log.name).toBe('memory');
  });
});

describe('a worker that stops', () => {
  it('claims nothing more, and waits for what runs', async () => {
    const { store, fate } = withDeliveries();
    const { handler, started, end } = held();
    store.subscribe(handler, queued);
    await store.publish(quotes('ab'));
    const worker = await store.work({ concurrency: 1 });
    await untilQuiet();
    const stopped = worker.stop();
    await later(20_000);
    end('a');
    await stopped;
    expect(started).toEqual(['a']);
    expect([await fate('a'), await fate('b')]).toMatchObject([
      { state: 'done' },
      { state: 'pending', attempt: 0 },
    ]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('after its grace aborts the handlers and gives their deliveries back, the attempt not counted', async () => {
    const { store, fate, errors } = withDeliveries();
    const { handler, signals } = held();
    store.subscribe(handler, queued);
    await store.publish(quotes('a'));
    const worker = await store.work({ grace: 5_000 });
    await untilQuiet();
    const stopped = worker.stop();
    await later(4_999);
    expect(signals.get('a')?.aborted).toBe(false);
    await later(1);
    await stopped;
    expect(signals.get('a')?.reason).toMatchObject({ code: 'worker_stopped' });
    expect(await fate()).toMatchObject({ state: 'pending', attempt: 0, lastError: undefined });
    expect(errors).toEqual([]);
  });

  it('gives back what its last claim brought', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const { store, fate } = withDeliveries((log) => ({
      claim: async (request) => {
        asked.resolve();
        await answer.promise;
        return log.claim(request);
      },
    }));
    const { handler, started } = held();
    store.subscribe(handler, queued);
    await store.publish(quotes('a'));
    const worker = await store.work();
    await asked.promise;
    const stopped = worker.stop();
    answer.resolve();
    await stopped;
    expect(started).toEqual([]);
    expect(await fate()).toMatchObject({ state: 'pending', attempt: 0 });
  });

  it('ends even when the log answers nothing any more', async () => {
    const never = () => new Promise<never>(() => {});
    const { store } = withDeliveries(() => ({ claim: never, listen: never }));
    store.subscribe(() => {}, queued);
    const worker = await store.work();
    await untilQuiet();
    let ended = false;
    void worker.stop().then(() => (ended = true));
    await later(25_000);
    await later(5_000);
    await later(5_000);
    expect(ended).toBe(true);
  });

  it('may be stopped twice, disposed, and closed with its store', async () => {
    const { store, log } = withDeliveries();
    const listened = jest.spyOn(log.deliveries, 'listen');
    store.subscribe(() => {}, queued);
    {
      await using worker = await store.work();
      await worker.idle();
      await Promise.all([worker.stop(), worker.stop()]);
      await worker.idle();
    }
    await store.work();
    await store.close();
    expect(jest.getTimerCount()).toBe(0);
    expect(listened).not.toHaveBeenCalled();
    expect(await errorOf(() => store.work())).toMatchObject({ argument: 'work' });
  });

  it('leaves what is published afterwards to others', async () => {
    const { store, fate } = withDeliveries();
    store.subscribe(() => {}, queued);
    await (await store.work()).stop();
    await store.publish(quotes('a'));
    await later(60_000);
    expect(await fate()).toMatchObject({ state: 'pending' });
  });
});

describe('the idle worker', () => {
  it('has handled all that was due, also what its handlers have published', async () => {
    const { store, log } = withDeliveries();
    store.subscribe((event) => store.publish(new QuoteArchived({}, { id: `${event.id}2` })), {
      to,
      run: 'queued',
      name: 'first',
    });
    store.subscribe(() => {}, { ...queued, to: [QuoteArchived] });
    await store.publish(quotes('abc'));
    await (await store.work({ concurrency: 1 })).idle();
    const fates = (await Promise.all(['a', 'b2', 'c2'].map((id) => log.deliveries.fatesOf(id)))).flat();
    expect(fates.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
  });
});
