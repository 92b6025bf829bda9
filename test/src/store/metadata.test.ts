import { describe, expect, it } from '@jest/globals';
import { EventStore } from 'handover';
import { errorOf, QuoteArchived, QuoteCompleted, quotes } from './sample-events.js';

const failing = () => {
  throw new Error('work');
};

describe('metadata of a store', () => {
  // R53
  it('is laid over what is published within, nested merges, and the innermost wins', async () => {
    const store = new EventStore();
    const value = await store.withMetadata({ request: 1, actor: 'u1' }, async () => {
      await store.withMetadata({ actor: 'u2' }, () => store.publish(quotes('a')));
      await store.publish(quotes('b'));
      return 7;
    });
    await store.publish(quotes('c'));
    const [a, b, c] = await store.read.toArray();
    expect(value).toBe(7);
    expect(a?.metadata).toMatchObject({ request: 1, actor: 'u2' });
    expect(b?.metadata).toMatchObject({ request: 1, actor: 'u1' });
    expect(Object.keys(c!.metadata)).toEqual(['correlationId']);
  });

  it('is gone when the work throws, and the value of synchronous work comes back at once', async () => {
    const store = new EventStore();
    expect(store.withMetadata({ a: 1 }, () => store.metadata)).toEqual({ a: 1 });
    expect(() => store.withMetadata({ a: 1 }, failing)).toThrow('work');
    await expect(store.withMetadata({ a: 1 }, async () => failing())).rejects.toThrow('work');
    // R51
    expect(store.metadata).toEqual({});
  });

  // R54
  it('gives way to what the event brings, also where that is false or null', async () => {
    const store = new EventStore();
    const metadata = { actor: 'own', flag: false, nothing: null, unset: undefined };
    await store.withMetadata({ actor: 'ambient', flag: true, nothing: 1, unset: 'ambient' }, () =>
      store.publish(new QuoteArchived({}, { metadata })),
    );
    expect((await store.read.first())?.metadata).toMatchObject({
      actor: 'own',
      flag: false,
      nothing: null,
      unset: 'ambient',
    });
  });

  it('may set timestamp and validAt, which the event itself overrules', async () => {
    const store = new EventStore();
    const [then, own] = [new Date('2001-01-01'), new Date('2002-02-02')];
    await store.withMetadata({ timestamp: then, validAt: then }, () =>
      store.publish([new QuoteArchived(), new QuoteArchived({}, { timestamp: own, validAt: own })]),
    );
    const [first, second] = await store.read.toArray();
    expect(first).toMatchObject({ timestamp: then, validAt: then });
    expect(first?.metadata).not.toHaveProperty('timestamp');
    expect(second).toMatchObject({ timestamp: own, validAt: own });
  });

  // R55
  it('stays with its store and its async context', async () => {
    const [store, other] = [new EventStore(), new EventStore()];
    const both = Promise.withResolvers<void>();
    const request = (n: number) =>
      store.withMetadata({ request: n }, async () => {
        if (n === 2) both.resolve();
        await both.promise;
        expect(other.metadata).toEqual({});
        await other.publish(new QuoteArchived());
        await store.publish(new QuoteCompleted({ quoteId: String(n) }));
      });
    await Promise.all([request(1), request(2)]);
    const pairs = await store.read.map(({ data, metadata }) => [data, metadata['request']]);
    expect(new Set(pairs)).toEqual(
      new Set([
        [{ quoteId: '1' }, 1],
        [{ quoteId: '2' }, 2],
      ]),
    );
    expect((await other.read.first())?.metadata).not.toHaveProperty('request');
  });

  // R56
  it('is checked when an event is published', async () => {
    const store = new EventStore();
    const publish = (metadata: object) =>
      errorOf(() => store.withMetadata({ ...metadata }, () => store.publish(new QuoteArchived())));
    expect(await publish({ user: { id: 1n } })).toMatchObject({
      code: 'invalid_payload',
      path: 'metadata.user.id',
    });
    expect(await publish({ correlationId: 7 })).toMatchObject({ path: 'metadata.correlationId' });
    expect(await publish({ causationId: {} })).toMatchObject({ path: 'metadata.causationId' });
    expect(await publish({ timestamp: 'yesterday' })).toMatchObject({ path: 'metadata.timestamp' });
    expect(await publish({ validAt: new Date('never') })).toMatchObject({ path: 'metadata.validAt' });
    expect(await store.read.count()).toBe(0);
  });
});

describe('correlation', () => {
  // R14, R58
  it('is new for each root event, which has no cause', async () => {
    const store = new EventStore();
    const [first, second] = await store.publish(quotes('ab'));
    expect(first?.correlationId).toEqual(expect.any(String));
    expect(first?.correlationId).not.toBe(second?.correlationId);
    expect([first?.causationId, second?.causationId]).toEqual([undefined, undefined]);
    expect(first?.metadata).not.toHaveProperty('causationId');
  });

  it('comes from the generator of the store where it is given one', async () => {
    let n = 0;
    const store = new EventStore({ correlationIdGenerator: () => `c${(n += 1)}` });
    const recorded = await store.publish(quotes('ab'));
    expect(recorded.map((event) => event.correlationId)).toEqual(['c1', 'c2']);
  });

  // R57
  it('goes on in handlers, whose events are caused by the one they handle', async () => {
    const store = new EventStore();
    store.subscribe(() => store.publish(new QuoteArchived({}, { id: 'second' })), { to: [QuoteCompleted] });
    store.subscribe(
      async () => {
        await Promise.resolve();
        await store.publish(new QuoteArchived({}, { id: 'third' }), { topic: 'quiet' });
      },
      { to: [QuoteArchived] },
    );
    await store.withMetadata({ request: 9 }, () => store.publish(quotes('a')));
    const root = await store.read.requireEvent('a');
    const [second, third] = [await store.read.event('second'), await store.read.event('third')];
    expect(second?.metadata).toEqual({ request: 9, correlationId: root.correlationId, causationId: 'a' });
    expect(third?.metadata).toEqual({ request: 9, correlationId: root.correlationId, causationId: 'second' });
  });

  it('gives way to what an event published in a handler brings', async () => {
    const store = new EventStore();
    const metadata = { correlationId: 'own', causationId: 'mine' };
    store.subscribe(() => store.publish(new QuoteArchived({}, { metadata })), { to: [QuoteCompleted] });
    await store.publish(quotes('a'));
    expect((await store.read.ofType(QuoteArchived).first())?.metadata).toEqual(metadata);
  });

  it('is over when the handlers are', async () => {
    const store = new EventStore();
    store.subscribe(() => {}, { to: [QuoteCompleted] });
    await store.publish(quotes('a'));
    const [next] = await store.publish(new QuoteArchived());
    expect(next?.causationId).toBeUndefined();
    expect(store.metadata).toEqual({});
  });
});
