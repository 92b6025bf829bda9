import { describe, expect, it } from '@jest/globals';
import { EventStore, Handles, InvalidHandler, memoryLog, type Event } from 'handover';
import { captureEvents } from 'handover/testing';
import { errorOf, QuoteArchived, QuoteCompleted, quotes } from '../store/sample-events.js';

const to = [QuoteCompleted];
const queued = { to, run: 'queued', name: 'quotes.mail' } as const;
const ignore = () => {};

class Mailer {
  handle(_event: Event) {}
}

function subscribing(handler: unknown, options: object): Promise<unknown> {
  const store = new EventStore();
  return errorOf(() => store.subscribe(handler as typeof ignore, options as typeof queued));
}

function withDeliveries() {
  const log = memoryLog();
  return { log, store: new EventStore({ log }) };
}

describe('a queued handler', () => {
  it.each([
    ['a class', Mailer],
    ['a factory', { create: () => new Mailer() }],
    ['a plain function', ignore],
  ])('may be %s', (_, handler) => {
    const store = new EventStore();
    const unsubscribe = store.subscribe(handler, queued);
    expect(store.subscribersFor(QuoteCompleted)).toEqual([handler]);
    unsubscribe();
    expect(store.subscribersFor(QuoteCompleted)).toEqual([]);
  });

  it('may not be an instance, whose fields all deliveries would share', async () => {
    const error = await subscribing(new Mailer(), queued);
    expect(error).toBeInstanceOf(InvalidHandler);
    expect(error).toMatchObject({ message: expect.stringContaining('`{ create: () => new Mailer(…) }`') });
    expect(await subscribing({ handle: ignore }, queued)).toBeInstanceOf(InvalidHandler);
  });

  it('needs a name that somebody chose', async () => {
    expect(await subscribing(Mailer, { to, run: 'queued' })).toMatchObject({
      code: 'invalid_handler',
      message: expect.stringContaining("name: 'billing.invoice'"),
    });
    for (const name of ['', '7up', 'a b', 'a'.repeat(201), 7, null]) {
      expect(await subscribing(Mailer, { ...queued, name })).toMatchObject({ argument: 'name' });
    }
  });

  it('has its name for itself', () => {
    const store = new EventStore();
    const unsubscribe = store.subscribe(Mailer, queued);
    expect(() => store.subscribe(ignore, { ...queued, to: [QuoteArchived] })).toThrow(
      expect.objectContaining({ code: 'duplicate_handler', handlerName: 'quotes.mail' }),
    );
    unsubscribe();
    store.subscribe(Mailer, queued);
  });

  it.each([
    ['attempts', 0],
    ['attempts', 1.5],
    ['attempts', '3'],
    ['backoff', -1],
    ['backoff', 'slow'],
    ['backoff.base', { base: -1 }],
    ['backoff.cap', { cap: null }],
    ['timeout', 0],
    ['timeout', Infinity],
    ['concurrency', 0],
    ['from', 'yesterday'],
    ['effects', 'none'],
    ['orderedBy', 'orderId'],
    ['queue', 'a:b'],
    ['priority', 0],
    ['kind', 'view'],
  ])('is refused with %s: %p', async (argument, value) => {
    const [option = argument] = argument.split('.');
    expect(await subscribing(Mailer, { ...queued, [option]: value })).toMatchObject({
      code: 'invalid_argument',
      argument,
    });
  });

  it('alone takes the options of a queue', async () => {
    for (const option of [
      { attempts: 3 },
      { backoff: 1 },
      { timeout: 5 },
      { effects: 'external' },
      { queue: 'a' },
    ]) {
      expect(await subscribing(Mailer, { to, ...option })).toMatchObject({
        argument: Object.keys(option)[0],
        message: expect.stringContaining("run: 'queued'"),
      });
    }
  });

  it('is refused where the log keeps no deliveries', async () => {
    const { log } = withDeliveries();
    const store = new EventStore({ log: { ...log, deliveries: undefined } });
    expect(await errorOf(() => store.subscribe(Mailer, queued))).toMatchObject({ code: 'invalid_handler' });
    expect(await errorOf(() => store.work())).toMatchObject({ argument: 'log' });
    expect(await errorOf(() => store.deadLetters)).toMatchObject({ argument: 'log' });
  });

  it('cannot be subscribed for a while only', async () => {
    const store = new EventStore();
    expect(await errorOf(() => store.within(ignore).subscribe(Mailer, queued))).toMatchObject({
      argument: 'run',
    });
  });

  it('is told apart by a decorator or a static property as well', async () => {
    @Handles(QuoteCompleted, { run: 'queued', name: 'decorated', attempts: 3 })
    class Decorated extends Mailer {}
    class Static extends Mailer {
      static handles = { to, run: 'queued', name: 'static', from: 'beginning' } as const;
    }
    const { log, store } = withDeliveries();
    store.subscribe(Decorated);
    store.subscribe(Static);
    store.subscribeToAll(Mailer, { run: 'queued', name: 'all' });
    await store.publish(quotes('a'));
    expect(await log.deliveries.registrations()).toEqual([
      { name: 'all', types: undefined, from: 'now', attempts: 10, ordered: false },
      { name: 'decorated', types: ['QuoteCompleted'], from: 'now', attempts: 3, ordered: false },
      { name: 'static', types: ['QuoteCompleted'], from: 'beginning', attempts: 10, ordered: false },
    ]);
  });
});

describe('a process that publishes', () => {
  it('runs no queued handler itself, and leaves their deliveries behind', async () => {
    const { log, store } = withDeliveries();
    store.subscribe(() => Promise.reject(new Error('here')), queued);
    await store.publish(quotes('a'));
    expect(await log.deliveries.fatesOf('a')).toMatchObject([{ handler: 'quotes.mail', state: 'pending' }]);
  });

  it('makes its handlers known within the transaction of its first publish', async () => {
    const { log, store } = withDeliveries();
    store.subscribe(Mailer, queued);
    await log.transaction(() => store.publish(quotes('ab')));
    expect(await log.deliveries.fatesOf('b')).toHaveLength(1);
  });

  it('makes them known after all when that transaction rolls back', async () => {
    const { log, store } = withDeliveries();
    store.subscribe(Mailer, queued);
    await errorOf(() =>
      log.transaction(async () => {
        await store.publish(quotes('a'));
        throw new Error('no');
      }),
    );
    await log.transaction(() => store.publish(quotes('b')));
    expect(await log.deliveries.fatesOf('b')).toHaveLength(1);
  });

  it('makes them known for what is recorded without waiting', async () => {
    const { log, store } = withDeliveries();
    store.subscribe(Mailer, queued);
    await log.transaction(async () => {
      const publication = await store.recording.prepare(new QuoteCompleted({ quoteId: '1' }, { id: 'a' }));
      expect(store.recording.enlist(publication)).toBe(true);
    });
    expect(await log.deliveries.fatesOf('a')).toHaveLength(1);
  });

  it('fails when its handlers cannot be made known, and tries again with the next publish', async () => {
    const { log } = withDeliveries();
    let down = true;
    const register: typeof log.deliveries.register = async (handlers) => {
      if (down) throw new Error('down');
      await log.deliveries.register(handlers);
    };
    const store = new EventStore({ log: { ...log, deliveries: { ...log.deliveries, register } } });
    store.subscribe(Mailer, queued);
    expect(await errorOf(() => store.publish(quotes('a')))).toMatchObject({ message: 'down' });
    expect(await store.read.count()).toBe(0);
    down = false;
    await store.publish(quotes('a'));
    expect(await log.deliveries.fatesOf('a')).toHaveLength(1);
  });

  it('registers once, and again for a handler that is added', async () => {
    const { log } = withDeliveries();
    const registered: string[] = [];
    const register: typeof log.deliveries.register = async (handlers) => {
      registered.push(handlers.map((each) => each.name).join());
    };
    const store = new EventStore({ log: { ...log, deliveries: { ...log.deliveries, register } } });
    await store.publish(quotes('0'));
    store.subscribe(Mailer, queued);
    await Promise.all([store.publish(quotes('a')), store.publish(quotes('b'))]);
    await store.publish(quotes('c'));
    store.subscribe(Mailer, { ...queued, name: 'second' });
    await store.publish(quotes('d'));
    expect(registered).toEqual(['quotes.mail', 'quotes.mail,second']);
  });

  it('has what it committed sequenced in the background, and is not kept waiting', async () => {
    const { log } = withDeliveries();
    const called = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<number>();
    const sequence = () => {
      called.resolve();
      return answer.promise;
    };
    const store = new EventStore({ log: { ...log, deliveries: { ...log.deliveries, sequence } } });
    store.subscribe(Mailer, queued);
    await store.publish(quotes('a'));
    await called.promise;
    answer.resolve(0);
    await store.close();
  });

  it('hears by onError that sequencing failed', async () => {
    const { log } = withDeliveries();
    const sequence = () => Promise.reject(new Error('no sequencer'));
    const store = new EventStore({ log: { ...log, deliveries: { ...log.deliveries, sequence } } });
    const told = new Promise((resolve) => store.onError(resolve));
    store.subscribe(Mailer, queued);
    await store.publish(quotes('a'));
    expect(await told).toMatchObject({ message: 'no sequencer' });
  });

  it('neither registers nor sequences while events are captured', async () => {
    const { log, store } = withDeliveries();
    store.subscribe(Mailer, queued);
    expect(await captureEvents(store, () => store.publish(quotes('a')))).toHaveLength(1);
    expect(await log.deliveries.registrations()).toEqual([]);
  });
});
