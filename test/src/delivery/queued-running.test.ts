import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  defineEvent,
  EventStore,
  LogUnavailable,
  memoryLog,
  type Event,
  type HandlerContext,
  type HandlerFunction,
} from 'handover';
import { QuoteArchived, QuoteCompleted, quotes } from '../store/sample-events.js';

const to = [QuoteCompleted];
const queued = { to, run: 'queued', name: 'quotes.mail' } as const;
const external = { ...queued, effects: 'external' } as const;

beforeEach(() => {
  jest.useFakeTimers({ now: 0, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  jest.spyOn(Math, 'random').mockReturnValue(1);
});

const stores: EventStore[] = [];

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  jest.restoreAllMocks();
  jest.useRealTimers();
});

function withDeliveries() {
  const log = memoryLog();
  const store = new EventStore({ log });
  stores.push(store);
  const errors: unknown[] = [];
  store.onError((error) => errors.push(error));
  const fate = async (eventId = 'a') => (await log.deliveries.fatesOf(eventId))[0];
  return { log, store, errors, fate };
}

/** A handler that does `work`, and what it was given. */
function recorder(work: HandlerFunction<QuoteCompleted> = () => undefined) {
  const calls: { event: Event; context: HandlerContext }[] = [];
  const handler = async (event: QuoteCompleted, context: HandlerContext) => {
    calls.push({ event, context });
    await work(event, context);
  };
  return { calls, handler };
}

/** Fails as often as it has errors. */
function failing(...errors: unknown[]) {
  return () => (errors.length === 0 ? undefined : Promise.reject(errors.shift()));
}

async function later(milliseconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(milliseconds);
}

describe('a delivery', () => {
  it('gives the recorded event to the handler, with what it needs to know', async () => {
    const { store, fate } = withDeliveries();
    const { calls, handler } = recorder();
    store.subscribe(handler, queued);
    await store.publish(quotes('a'), { stream: 'Quote-1' });
    const worker = await store.work();
    await worker.idle();
    expect(calls).toHaveLength(1);
    expect(calls[0]?.event).toBeInstanceOf(QuoteCompleted);
    expect(calls[0]?.event).toMatchObject({
      id: 'a',
      stream: 'Quote-1',
      version: 0,
      position: 1n,
      data: { quoteId: 'a' },
    });
    expect(calls[0]?.context).toMatchObject({
      attempt: 1,
      replaying: false,
      idempotencyKey: 'a:quotes.mail',
      delivery: { eventId: 'a', handler: 'quotes.mail' },
    });
    expect(calls[0]?.context.signal.aborted).toBe(false);
    expect(await fate()).toMatchObject({ state: 'done', attempt: 1 });
  });

  it('makes its handler afresh', async () => {
    const { store } = withDeliveries();
    const counts: string[] = [];
    class Counting {
      #count = 0;
      constructor(readonly kind = 'class') {}
      handle() {
        this.#count += 1;
        counts.push(`${this.kind}:${this.#count}`);
      }
    }
    store.subscribe(Counting, queued);
    store.subscribe({ create: async () => new Counting('factory') }, { ...queued, name: 'made' });
    store.subscribe({ create: () => () => counts.push('function') }, { ...queued, name: 'function' });
    await store.publish(quotes('ab'));
    await (await store.work()).idle();
    expect(counts.toSorted()).toEqual([
      'class:1',
      'class:1',
      'factory:1',
      'factory:1',
      'function',
      'function',
    ]);
  });

  it('starts oldest first', async () => {
    const { store } = withDeliveries();
    const started: string[] = [];
    store.subscribe((event) => void started.push(event.id), queued);
    await store.publish(quotes('abcdef'));
    await (await store.work({ concurrency: 4 })).idle();
    expect(started.join('')).toBe('abcdef');
  });

  it('runs in an async context of its own, which knows the event as the cause', async () => {
    const { store } = withDeliveries();
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const handler = () => {
      seen.push(request.getStore(), store.metadata);
      request.enterWith('the handler before');
    };
    store.subscribe(handler, queued);
    const worker = await request.run('starter', () =>
      store.withMetadata({ who: 'starter' }, () => store.work()),
    );
    await request.run('publisher', () =>
      store.withMetadata({ who: 'publisher', correlationId: 'c' }, () => store.publish(quotes('ab'))),
    );
    await worker.idle();
    expect(seen).toEqual([
      undefined,
      { correlationId: 'c', causationId: 'a' },
      undefined,
      { correlationId: 'c', causationId: 'b' },
    ]);
  });

  it('reaches handlers of all events, and types that have no class where the handler names them', async () => {
    const { store } = withDeliveries();
    const heard: string[] = [];
    store.subscribeToAll((event) => heard.push(`all:${event.type}`), { run: 'queued', name: 'all' });
    store.subscribe((event) => heard.push(`named:${event.type}`), { ...queued, to: 'QuoteArchived' });
    await store.publish(quotes('a'));
    await store.publish(new QuoteArchived());
    await (await store.work()).idle();
    expect(heard.toSorted()).toEqual(['all:QuoteArchived', 'all:QuoteCompleted', 'named:QuoteArchived']);
  });
});

describe('the transaction of a delivery', () => {
  it('takes along what the handler publishes, and commits it together with the completion', async () => {
    const { store, log, fate } = withDeliveries();
    store.subscribe(async () => {
      expect(log.transactions?.current()).toBeDefined();
      await store.publish(new QuoteArchived({}, { id: 'archived' }));
      expect(await fate()).toMatchObject({ state: 'running' });
    }, queued);
    await store.publish(quotes('a'));
    await (await store.work()).idle();
    expect(await store.read.event('archived')).toMatchObject({ causationId: 'a' });
    expect(await fate()).toMatchObject({ state: 'done' });
  });

  it('takes nothing along from an attempt that failed: the effect happens once', async () => {
    const { store, fate } = withDeliveries();
    const fail = failing(new Error('after the write'));
    store.subscribe(async () => {
      await store.publish(new QuoteArchived());
      await fail();
    }, queued);
    await store.publish(quotes('a'));
    const worker = await store.work();
    await worker.idle();
    expect(await store.read.ofType(QuoteArchived).count()).toBe(0);
    await later(1_000);
    await worker.idle();
    expect(await store.read.ofType(QuoteArchived).count()).toBe(1);
    expect(await fate()).toMatchObject({ state: 'done', attempt: 2 });
  });

  // H8
  it('rolls back when somebody else has taken the delivery over', async () => {
    const { store, log } = withDeliveries();
    const attempts: number[] = [];
    store.subscribe(async (_, { attempt, delivery }) => {
      attempts.push(attempt);
      await store.publish(new QuoteArchived());
      if (attempt > 1) return;
      const running = await log.deliveries.fatesOf(delivery?.eventId ?? '');
      expect(running).toMatchObject([{ state: 'running' }]);
      jest.setSystemTime(30_001);
      await log.deliveries.claim({
        handlers: [{ name: 'quotes.mail', limit: 1 }],
        limit: 1,
        worker: 'another',
        leaseFor: 1_000,
      });
    }, queued);
    await store.publish(quotes('a'));
    const complete = jest.spyOn(log.deliveries, 'complete');
    const worker = await store.work();
    await worker.idle();
    expect(await complete.mock.results[0]?.value).toHaveLength(1);
    // The other claim vanishes with the transaction it was made in: the delivery may be due again at once.
    expect(attempts[0]).toBe(1);
    expect(await store.read.ofType(QuoteArchived).count()).toBe(attempts.length - 1);
  });

  it('is left out where the effects are external, and completions are told together', async () => {
    const { store, log, fate } = withDeliveries();
    const complete = jest.spyOn(log.deliveries, 'complete');
    const gate = Promise.withResolvers<void>();
    const transactions: unknown[] = [];
    store.subscribe(async () => {
      transactions.push(log.transactions?.current());
      await gate.promise;
    }, external);
    await store.publish(quotes('abcd'));
    const worker = await store.work();
    gate.resolve();
    await worker.idle();
    expect(transactions).toEqual([undefined, undefined, undefined, undefined]);
    expect(complete.mock.calls.map(([tokens]) => tokens.length)).toEqual([1, 3]);
    expect(await fate('d')).toMatchObject({ state: 'done' });
  });
});

describe('a delivery that fails', () => {
  it('comes back later each time, counts its attempts, and leaves the others alone', async () => {
    const { store, fate, errors } = withDeliveries();
    const { calls, handler } = recorder(failing(new Error('one'), new Error('two')));
    const bystander = recorder();
    store.subscribe(handler, queued);
    store.subscribe(bystander.handler, { ...queued, name: 'bystander' });
    await store.publish(quotes('a'));
    const worker = await store.work();
    await worker.idle();
    expect(bystander.calls).toHaveLength(1);
    expect(await store.why('a')).toMatchObject({
      handlers: [
        { handler: 'bystander', state: 'done' },
        { state: 'pending', fate: { attempt: 1, dueAt: new Date(1_000), lastError: { message: 'one' } } },
      ],
    });
    await later(1_000);
    await worker.idle();
    await later(1_999);
    await worker.idle();
    expect(calls.map(({ context }) => context.attempt)).toEqual([1, 2]);
    await later(1);
    await worker.idle();
    expect(calls.map(({ context }) => context.attempt)).toEqual([1, 2, 3]);
    expect(new Set(calls.map(({ context }) => context.idempotencyKey)).size).toBe(1);
    expect((await store.why('a')).handlers[1]).toMatchObject({
      state: 'done',
      fate: { firstError: { message: 'one' }, lastError: { message: 'two' } },
    });
    expect(await fate()).toBeDefined();
    expect(errors).toEqual([]);
  });

  it('is a dead letter when its attempts are used up, and says so by onError', async () => {
    const { store, fate, errors } = withDeliveries();
    const { calls, handler } = recorder(() => Promise.reject(new TypeError('always')));
    store.subscribe(handler, { ...queued, attempts: 3, backoff: 0 });
    await store.publish(quotes('a'));
    const worker = await store.work();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await worker.idle();
      await later(10);
    }
    await worker.idle();
    await later(100_000);
    expect(calls).toHaveLength(3);
    expect(await fate()).toMatchObject({
      state: 'dead',
      attempt: 3,
      lastError: { name: 'TypeError', message: 'always' },
    });
    expect(errors).toEqual([expect.objectContaining({ code: 'handler_failed', handlerName: 'quotes.mail' })]);
  });

  it('waits for a random part of the doubled base, an hour at most', async () => {
    const { store, fate } = withDeliveries();
    jest.mocked(Math.random).mockReturnValue(0.5);
    store.subscribe(() => Promise.reject(new Error('no')), { ...queued, backoff: { base: 1_600_000 } });
    await store.publish(quotes('a'));
    const worker = await store.work({ pollEvery: 10_000_000 });
    await worker.idle();
    expect(await fate()).toMatchObject({ dueAt: new Date(800_000) });
    await later(800_000);
    await worker.idle();
    expect(await fate()).toMatchObject({ dueAt: new Date(800_000 + 1_600_000) });
    await later(1_600_000);
    await worker.idle();
    expect(await fate()).toMatchObject({ attempt: 3, dueAt: new Date(2_400_000 + 1_800_000) });
  });

  it.each([
    ['a deadlock', { code: '40P01' }],
    ['a serialisation failure under two wrappings', { cause: { cause: { code: '40001' } } }],
    ['a lost connection', { code: '08006' }],
    ['a server that shuts down', { code: '57P01' }],
    ['a log that is away', new LogUnavailable(new Error('down'))],
  ])('for %s comes back soon and has used no attempt', async (_, error) => {
    const { store, fate } = withDeliveries();
    const { calls, handler } = recorder(failing(error, error));
    store.subscribe(handler, { ...queued, attempts: 1 });
    await store.publish(quotes('a'));
    const worker = await store.work();
    await worker.idle();
    expect(await fate()).toMatchObject({ state: 'pending', attempt: 0, dueAt: new Date(50) });
    await later(50);
    await worker.idle();
    await later(100);
    await worker.idle();
    expect(calls.map(({ context }) => context.attempt)).toEqual([1, 1, 1]);
    expect(await fate()).toMatchObject({ state: 'done', attempt: 1 });
  });

  it('counts after all when such failures do not end', async () => {
    const { store, fate } = withDeliveries();
    const { calls, handler } = recorder(() =>
      Promise.reject(Object.assign(new Error('x'), { code: '40P01' })),
    );
    store.subscribe(handler, { ...queued, attempts: 1 });
    await store.publish(quotes('a'));
    const worker = await store.work({ pollEvery: 10_000 });
    for (let tries = 1; tries <= 30; tries += 1) {
      await worker.idle();
      await later(5_000);
    }
    expect(calls).toHaveLength(21);
    expect(await fate()).toMatchObject({ state: 'dead', attempt: 1 });
  });

  it('is dead at once where trying again cannot help', async () => {
    const { store, log, errors } = withDeliveries();
    const types = ['QuoteCompleted', 'QuoteArchived'];
    await log.deliveries.register([{ name: 'deployed', types, from: 'now', attempts: 5, ordered: false }]);
    store.subscribe(() => store.publish(new QuoteArchived({ at: new Map() })), queued);
    store.subscribe(recorder().handler, { ...queued, name: 'outdated' });
    await store.publish(quotes('a'));
    class Newer extends defineEvent<{ quoteId: string }>('QuoteCompleted', undefined, { version: 2 }) {}
    const newer = new EventStore({ log });
    await newer.publish(new Newer({ quoteId: '1' }, { id: 'b' }));
    store.subscribe(() => {}, { ...queued, to: [QuoteArchived], name: 'deployed' });
    await (await store.work()).idle();
    expect(await log.deliveries.fatesOf('a')).toMatchObject([
      { handler: 'deployed', state: 'dead', attempt: 1, lastError: { name: 'UnexpectedEventType' } },
      { handler: 'outdated', state: 'done' },
      { handler: 'quotes.mail', state: 'dead', attempt: 1, lastError: { name: 'InvalidPayload' } },
    ]);
    expect(await log.deliveries.fatesOf('b')).toMatchObject([
      { handler: 'deployed', state: 'dead' },
      { handler: 'outdated', state: 'dead', attempt: 1, lastError: { name: 'UpcastFailed' } },
      { handler: 'quotes.mail', state: 'dead' },
    ]);
    expect(errors).toHaveLength(5);
  });

  it('may fail with anything at all', async () => {
    const { store } = withDeliveries();
    const trap = () => {
      throw new Error('trapped');
    };
    const thrown: Record<string, unknown> = {
      a: undefined,
      b: 'text\0',
      c: { message: 'an object' },
      d: Object.create(null),
      e: Symbol('odd'),
      f: Object.defineProperty(new Error('x'), 'message', { get: trap }),
      g: new Error('long'.repeat(10_000)),
    };
    const handler = ({ id }: Event) => Promise.reject(thrown[id]);
    store.subscribe(handler, { ...external, attempts: 1 });
    await store.publish(quotes('abcdefg'));
    await (await store.work()).idle();
    const dead = await store.deadLetters.list();
    const messages = dead.map(({ eventId, lastError }) => [eventId, lastError?.message.slice(0, 20)]);
    expect(Object.fromEntries(messages)).toEqual({
      a: 'undefined',
      b: '"text\\u0000"',
      c: 'an object',
      d: 'an object',
      e: 'Symbol(odd)',
      f: 'an instance of Error',
      g: 'long'.repeat(5),
    });
    expect(dead.find(({ eventId }) => eventId === 'g')?.lastError?.message).toHaveLength(8_192);
  });
});

describe('a handler that takes too long', () => {
  it('hears it by its signal, and its attempt has failed', async () => {
    const { store, fate } = withDeliveries();
    const started = Promise.withResolvers<AbortSignal>();
    store.subscribe(
      async (_, { signal, attempt }) => {
        if (attempt > 1) return;
        started.resolve(signal);
        await new Promise<void>((__, reject) => {
          signal.addEventListener('abort', () => reject(new Error('I stop')));
        });
      },
      { ...queued, timeout: 5_000 },
    );
    await store.publish(quotes('a'));
    const worker = await store.work();
    const signal = await started.promise;
    await later(4_999);
    expect(signal.aborted).toBe(false);
    await later(1);
    expect(signal.reason).toMatchObject({
      code: 'handler_timed_out',
      timeout: 5_000,
      handlerName: 'quotes.mail',
    });
    await later(0);
    expect(await fate()).toMatchObject({ lastError: { name: 'HandlerTimedOut' }, attempt: 1 });
    await later(1_000);
    await worker.idle();
    expect(await fate()).toMatchObject({ state: 'done', attempt: 2 });
  });

  it('commits nothing when it ends after all', async () => {
    const { store, fate, errors } = withDeliveries();
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    store.subscribe(
      async (_, { attempt }) => {
        if (attempt > 1) return;
        await store.publish(new QuoteArchived());
        started.resolve();
        await finish.promise;
      },
      { ...queued, timeout: 5_000 },
    );
    await store.publish(quotes('a'));
    const worker = await store.work();
    await started.promise;
    await later(5_000);
    finish.resolve();
    await worker.idle();
    await later(1_000);
    await worker.idle();
    expect(await store.read.ofType(QuoteArchived).count()).toBe(0);
    expect(await fate()).toMatchObject({ state: 'done', attempt: 2 });
    expect(errors).toEqual([]);
  });

  it('frees its place, whatever it goes on doing', async () => {
    const { store, fate } = withDeliveries();
    const hung = Promise.withResolvers<void>();
    const started: string[] = [];
    store.subscribe(
      async ({ id }) => {
        started.push(id);
        if (id === 'a') await hung.promise;
      },
      { ...external, timeout: 5_000 },
    );
    await store.publish(quotes('ab'));
    const worker = await store.work({ concurrency: 1 });
    await later(5_000);
    await later(0);
    expect(await fate('b')).toMatchObject({ state: 'done' });
    hung.reject(new Error('nobody hears this'));
    await worker.stop();
    expect(started.slice(0, 2)).toEqual(['a', 'b']);
  });
});
