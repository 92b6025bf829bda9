import { afterEach, describe, expect, it } from '@jest/globals';
import { EventStore, memoryLog, type Event } from 'handover';
import { deliveriesOf, eventually, register } from '../../../src/testing/contracts/delivery-actions.js';
import { ordered } from '../../../src/testing/contracts/ordering-actions.js';
import { errorOf, PriceUpdated, QuoteArchived, QuoteCompleted } from '../store/sample-events.js';

const to = [PriceUpdated];
const queued = { to, run: 'queued', name: 'prices', attempts: 1 } as const;
const orderedBy = (event: PriceUpdated) => event.data.catalogItemId;

const stores: EventStore[] = [];

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

function opened(log = memoryLog({ clock: () => new Date('2026-03-01T12:00:00Z') })) {
  const store = new EventStore({ log });
  stores.push(store);
  const errors: unknown[] = [];
  store.onError((error) => errors.push(error));
  return { log, store, errors };
}

/** `k1 k2 l1`: one event for each word, whose key is its letter and whose id is the word. */
function prices(words: string): PriceUpdated[] {
  return words
    .split(' ')
    .map(
      (word) =>
        new PriceUpdated({ catalogItemId: word.slice(0, 1), priceNow: Number(word.slice(1)) }, { id: word }),
    );
}

/** What runs, and how to let it end. */
function gates() {
  const started: string[] = [];
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  const handler = (event: Event) => {
    started.push(event.id);
    const gate = Promise.withResolvers<void>();
    waiting.set(event.id, gate);
    return gate.promise;
  };
  const running = (words: string) =>
    eventually(`${words} run`, async () => started.join(' ') === words || undefined);
  return { started, handler, running, gate: (word: string) => waiting.get(word) };
}

describe('a handler that is ordered by a key', () => {
  it('runs one event of a key at a time, and other keys beside it', async () => {
    const { store } = opened();
    const { handler, running, gate } = gates();
    store.subscribe(handler, { ...queued, orderedBy, effects: 'external' });
    await store.publish(prices('k1 k2 l1 k3 m1'));
    await using worker = await store.work({ concurrency: 10 });
    await running('k1 l1 m1');
    gate('k1')?.resolve();
    await running('k1 l1 m1 k2');
    gate('k2')?.resolve();
    gate('l1')?.resolve();
    await running('k1 l1 m1 k2 k3');
    gate('k3')?.resolve();
    gate('m1')?.resolve();
    await worker.idle();
  });

  // H10
  it('stops a key at an event that fails for good, says so, and lets other keys go on', async () => {
    const { store, errors } = opened();
    const handled: string[] = [];
    const handler = ({ id }: Event) => {
      if (id === 'k1') throw new Error('no price');
      handled.push(id);
    };
    store.subscribe(handler, { ...queued, orderedBy });
    await store.publish(prices('k1 l1 k2 l2'));
    const worker = await store.work();
    await worker.idle();
    expect(handled).toEqual(['l1', 'l2']);
    expect(errors).toMatchObject([{ code: 'handler_failed', handlerName: 'prices', eventId: 'k1' }]);
    expect(String(errors[0])).toContain('later events of its key wait');
    expect((await store.why('k1')).text).toContain(
      'dead since 2026-03-01T12:00:00.000Z, attempt 1, because Error: no price; later events of its key wait: k',
    );
    expect((await store.why('k2')).text).toContain('waits for event k1, which has the same key: k');
    expect(await store.deadLetters.skip({ eventId: 'k1' }, 'price is gone')).toBe(1);
    await worker.idle();
    expect(handled).toEqual(['l1', 'l2', 'k2']);
  });

  it('goes on with a key when what stopped it is retried', async () => {
    const { store } = opened();
    const handled: string[] = [];
    let isBroken = true;
    const handler = ({ id }: Event) => {
      if (isBroken) throw new Error('no price');
      handled.push(id);
    };
    store.subscribe(handler, { ...queued, orderedBy });
    await store.publish(prices('k1 k2 k3'));
    const worker = await store.work();
    await worker.idle();
    isBroken = false;
    expect(await store.deadLetters.retry({ handler: 'prices' })).toBe(1);
    await worker.idle();
    expect(handled).toEqual(['k1', 'k2', 'k3']);
  });

  it('says of an event that waits for its next attempt that its key waits with it', async () => {
    const { store } = opened();
    const handler = () => Promise.reject(new Error('no price'));
    store.subscribe(handler, { ...queued, orderedBy, attempts: 5, backoff: 600_000 });
    await store.publish(prices('k1 k2'));
    const worker = await store.work();
    await worker.idle();
    expect((await store.why('k1')).text).toMatch(
      /waits until \S+ after attempt 1, because Error: no price; later events of its key wait: k$/,
    );
    expect((await store.why('k2')).text).toContain('waits for event k1');
  });

  it('says of an event without a key that a worker has to tell it', async () => {
    const { store } = opened();
    store.subscribe(() => {}, { ...queued, orderedBy });
    await store.publish(prices('k1'));
    expect((await store.why('k1')).text).toContain('prices  waits for a worker to tell its key');
  });

  it.each([
    ['numbers', [7, 7, 8, -0, 0], ['7', '7', '8', '0', '0']],
    ['bigints', [2n ** 70n, 1n], [String(2n ** 70n), '1']],
    ['text', ['ä', ' ', 'x'.repeat(255)], ['ä', ' ', 'x'.repeat(255)]],
  ])('takes %s for keys', async (_, values, keys) => {
    const { store, log, errors } = opened();
    store.subscribe(() => {}, {
      ...queued,
      orderedBy: (event: PriceUpdated) => values[event.data.priceNow] as string,
    });
    await store.publish(
      values.map((__, nth) => new PriceUpdated({ catalogItemId: '', priceNow: nth }, { id: `e${nth}` })),
    );
    await (await store.work()).idle();
    const fates = await Promise.all(values.map((__, nth) => log.deliveries.fatesOf(`e${nth}`)));
    expect(fates.map(([fate]) => fate?.key)).toEqual(keys);
    expect(errors).toEqual([]);
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['a text too long', 'x'.repeat(256)],
    ['a NUL', 'a\0'],
    ['half a character', '\ud800'],
    ['no number', Number.NaN],
    ['an endless number', Infinity],
    ['an object', { id: 1 }],
    ['a promise', Promise.resolve('k')],
  ])('makes a dead letter of an event whose key is %s, and holds up no other', async (_, value) => {
    const { store, errors } = opened();
    const handled: string[] = [];
    store.subscribe((event) => handled.push(event.id), {
      ...queued,
      orderedBy: (event: PriceUpdated) => (event.id === 'k1' ? (value as string) : event.data.catalogItemId),
    });
    await store.publish(prices('k1 k2 l1'));
    await (await store.work()).idle();
    expect(handled.toSorted()).toEqual(['k2', 'l1']);
    expect(errors).toMatchObject([
      { code: 'handler_failed', eventId: 'k1', cause: { code: 'invalid_argument' } },
    ]);
    expect(String(errors[0])).toContain('Mend `orderedBy`');
    expect(await store.deadLetters.list()).toMatchObject([{ eventId: 'k1', attempt: 0, key: undefined }]);
  });

  it('asks for the key again when a dead letter without one is retried', async () => {
    const { store } = opened();
    const handled: string[] = [];
    let isBroken = true;
    store.subscribe((event) => handled.push(event.id), {
      ...queued,
      orderedBy: ({ data }: PriceUpdated) => {
        if (isBroken) throw new Error('no key');
        return data.catalogItemId;
      },
    });
    await store.publish(prices('k1 k2'));
    const worker = await store.work();
    await worker.idle();
    expect(handled).toEqual([]);
    isBroken = false;
    expect(await store.deadLetters.retry({ handler: 'prices' })).toBe(2);
    await worker.idle();
    expect(handled).toEqual(['k1', 'k2']);
  });

  it('gets its keys only from processes that have it', async () => {
    const { log } = opened();
    await register(log, ordered('elsewhere'));
    const publisher = opened(log).store;
    publisher.subscribe(() => {}, { ...queued, orderedBy });
    await publisher.publish(prices('k1'));
    await (await publisher.work()).idle();
    expect(await deliveriesOf(log).fatesOf('k1')).toMatchObject([
      { handler: 'elsewhere', state: 'pending', key: undefined },
      { handler: 'prices', state: 'done', key: 'k' },
    ]);
    expect((await publisher.why('k1')).text).toContain(
      'waits for a worker to tell its key (not subscribed in this process)',
    );
  });

  it('loses nothing when a deployment makes it ordered, or ordered no more', async () => {
    const { log, store } = opened();
    store.subscribe(() => {}, queued);
    await store.publish(prices('k1 k2 l1'));
    const handled: string[] = [];
    for (const order of [orderedBy, undefined, orderedBy]) {
      const next = opened(log).store;
      next.subscribe((event) => handled.push(event.id), { ...queued, orderedBy: order });
      await next.publish(prices(`k${handled.length + 3}`));
      await (await next.work()).idle();
      await next.close();
    }
    expect(handled.slice(0, 4).filter((id) => id.startsWith('k'))).toEqual(['k1', 'k2', 'k3']);
    expect(handled.toSorted()).toEqual(['k1', 'k2', 'k3', 'k7', 'k8', 'l1']);
  });

  it('may hear of many types, whose keys it tells alike', async () => {
    const { store, log } = opened();
    store.subscribe(() => {}, {
      ...queued,
      to: [QuoteCompleted, QuoteArchived],
      orderedBy: (event) => (event instanceof QuoteCompleted ? event.data.quoteId : 'archived'),
    });
    await store.publish([
      new QuoteCompleted({ quoteId: 'q' }, { id: 'a' }),
      new QuoteArchived({}, { id: 'b' }),
    ]);
    await (await store.work()).idle();
    expect((await log.deliveries.fatesOf('a'))[0]?.key).toBe('q');
    expect((await log.deliveries.fatesOf('b'))[0]?.key).toBe('archived');
  });
});

describe('the option `orderedBy`', () => {
  it.each([
    ['a name', 'orderId'],
    ['a number', 7],
    ['null', null],
  ])('refuses %s', async (_, value) => {
    const { store } = opened();
    const error = await errorOf(() => store.subscribe(() => {}, { ...queued, orderedBy: value as never }));
    expect(error).toMatchObject({ code: 'invalid_argument' });
    expect(String(error)).toContain('orderedBy');
  });

  it('is for queued handlers only', async () => {
    const { store } = opened();
    const error = await errorOf(() => store.subscribe(() => {}, { to, orderedBy: () => 'k' }));
    expect(String(error)).toContain("run: 'queued'");
  });
});
