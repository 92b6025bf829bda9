import { describe, expect, it } from '@jest/globals';
import { defineEvent, Event, EventStore, HandoverError, memoryLog } from 'handover';
import { errorOf, PriceUpdated, QuoteArchived, QuoteCompleted, quotes } from './sample-events.js';

type Untyped = Record<string, (...args: readonly unknown[]) => unknown>;

/** As JavaScript sees it. */
function untyped(target: object): Untyped {
  return target as Untyped;
}

/** A store whose handlers must never be told; every test ends with an empty log. */
async function refused(work: (store: EventStore) => unknown, fields: object): Promise<void> {
  const store = new EventStore();
  store.subscribeToAll(() => {
    throw new Error('told');
  });
  const error = await errorOf(() => work(store));
  expect(error).toBeInstanceOf(HandoverError);
  expect(error).toMatchObject({ ...fields, message: expect.stringMatching(/\n {2}→ \S/) });
  expect(await store.read.count()).toBe(0);
}

const circle: Record<string, unknown> = {};
circle['self'] = circle;
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

// Hazards H19.
const badValues: readonly (readonly [name: string, value: unknown, path: string])[] = [
  ['a NUL', { a: [{ b: 'x\0y' }] }, '$.a[0].b'],
  ['a NUL in a key', { 'a\0': 1 }, '$["a\\u0000"]'],
  ['half a surrogate pair', { a: 'x\ud800' }, '$.a'],
  ['NaN', { list: [1, Number.NaN] }, '$.list[1]'],
  ['Infinity', { a: -Infinity }, '$.a'],
  ['a BigInt', { 'the key': 1n }, '$["the key"]'],
  ['a function', { a: () => 1 }, '$.a'],
  ['a symbol', { a: Symbol('s') }, '$.a'],
  ['a Map', { a: new Map([[1, 2]]) }, '$.a'],
  ['a Set', { a: { b: new Set() } }, '$.a.b'],
  ['a circle', circle, '$.self'],
  ['undefined in a list', { a: [1, undefined] }, '$.a[1]'],
  ['a hole in a list', { a: Array(2) }, '$.a[0]'],
  ['an integer beyond 2^53', { id: 2 ** 53 }, '$.id'],
  ['a key __proto__', JSON.parse('{"a":{"__proto__":{"admin":true}}}'), '$.a.__proto__'],
  ['an invalid date', { a: new Date('never') }, '$.a'],
  ['too deep a nesting', { a: deep(64) }, `$.a${'[0]'.repeat(63)}`],
  ['bytes', { a: Buffer.from('x') }, '$.a'],
  ['a getter that throws', { get a(): never { throw new Error('no'); } }, '$.a'], // prettier-ignore
];

describe('data that could not be stored as it is', () => {
  it.each(badValues)('is refused for %s, with the path to it', async (_name, value, path) => {
    const fields = { code: 'invalid_payload', eventType: 'QuoteArchived', path };
    const event = () => new QuoteArchived(value as Record<string, unknown>);
    await refused((store) => store.publish(event()), fields);
    await refused((store) => store.append([new QuoteArchived(), event()], { stream: 'Quote-1' }), fields);
    const metadata = { code: 'invalid_payload', path: path.replace('$', 'metadata.nested') };
    if (path.includes('[0]'.repeat(9)) || value === circle) return;
    await refused((store) => store.publish(new QuoteArchived({}, { metadata: { nested: value } })), metadata);
  });

  it('is refused above the size the store takes', async () => {
    const text = 'x'.repeat(1_048_576);
    const fields = { code: 'payload_too_large', limit: 1_048_576, eventType: 'QuoteArchived' };
    await refused((store) => store.publish(new QuoteArchived({ text })), fields);
    await refused((store) => store.publish(new QuoteArchived({}, { metadata: { text } })), fields);
    const small = new EventStore({ maxPayloadBytes: 100 });
    expect(await errorOf(() => small.publish(new QuoteArchived({ text: 'ü'.repeat(50) })))).toMatchObject({
      code: 'payload_too_large',
      size: 111,
      limit: 100,
    });
  });

  it('is refused in metadata that is no plain object', async () => {
    for (const metadata of [null, [], 'actor', new Map()]) {
      const event = new Event('QuoteArchived', {});
      event.metadata = metadata as never;
      await refused((store) => store.publish(event), { code: 'invalid_payload', path: 'metadata' });
    }
  });

  it('is refused when overwriting, too, and the stored event stays', async () => {
    const store = new EventStore();
    await store.append(quotes('a'));
    const overwrite = (event: unknown) => errorOf(() => untyped(store)['overwrite']?.(event));
    expect(await overwrite(new QuoteArchived({ a: 1n }, { id: 'a' }))).toMatchObject({
      path: '$.a',
    });
    expect(await overwrite([null])).toMatchObject({ code: 'invalid_event' });
    const wrong = new PriceUpdated({ catalogItemId: 7 as never, priceNow: 1 }, { id: 'a' });
    expect(await overwrite(wrong)).toMatchObject({ code: 'invalid_payload', path: '$.catalogItemId' });
    expect((await store.read.first())?.data).toEqual({ quoteId: 'a' });
  });
});

describe('something that is no event', () => {
  // R11
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a class', QuoteCompleted],
    ['a plain object', { type: 'QuoteCompleted', data: {} }],
    ['a name', 'QuoteCompleted'],
    ['a list with null', [...quotes('a'), null]],
    ['a list with a hole', Object.assign(Array<unknown>(3), quotes('ab').slice(0, 1))],
    ['a list in a list', [quotes('a')]],
    ['a set of events', new Set(quotes('a'))],
    ['a promise of an event', Promise.resolve(quotes('a'))],
  ])('is refused: %s', async (_name, events) => {
    await refused((store) => untyped(store)['publish']?.(events), { code: 'invalid_event' });
    await refused((store) => untyped(store)['append']?.(events), { code: 'invalid_event' });
  });

  it('is told what it was', async () => {
    await refused((store) => untyped(store)['publish']?.(QuoteCompleted), {
      received: QuoteCompleted,
      message: expect.stringContaining('QuoteCompleted is a class or function, not an instance'),
    });
  });
});

describe('a name that is not allowed', () => {
  // R21, hazards H20
  it.each([
    ['null', null],
    ['a number', 42],
    ['nothing at all', ''],
    ['control characters', 'Quote\n1'],
    ['a NUL', 'Quote\0'],
    ['half a surrogate pair', 'Quote-\ud800'],
    ['a leading $', '$by_type'],
    ['another normal form', 'Cafe\u0301'],
    ['more than 255 bytes', 'ü'.repeat(128)],
  ])('is refused for a stream: %s', async (_name, stream) => {
    const fields = { code: 'invalid_stream_name', stream };
    await refused((store) => store.publish(quotes('a'), { stream: stream as string }), fields);
    await refused((store) => store.append(quotes('a'), { stream: stream as string }), fields);
    await refused((store) => store.link('a', { stream: stream as string }), fields);
    await refused((store) => store.deleteStream(stream as string), fields);
    await refused((store) => store.read.stream(stream as string), fields);
    await refused((store) => store.isIn(stream as string, 'a'), fields);
    await refused((store) => store.versionIn(stream as string, 'a'), fields);
  });

  it('is none where it is only unusual', async () => {
    const store = new EventStore();
    for (const stream of [
      'all',
      'constructor',
      '__proto__',
      ' padded ',
      "O'Hara; --",
      'ü'.repeat(127),
      '💶',
    ]) {
      await store.publish(new QuoteArchived(), { stream });
      expect(await store.read.stream(stream).count()).toBe(1);
    }
  });

  it('is refused for a type and for a topic', async () => {
    for (const name of ['', 'a b', 'constructor', 'then', '1st', 7, null]) {
      const fields = { code: 'invalid_event_name', eventName: name };
      await refused(() => new Event(name as string, {}), fields);
      await refused((store) => store.publish(quotes('a'), { topic: name as string }), fields);
    }
    await refused((store) => store.read.ofType('no name'), { code: 'invalid_event_name' });
  });
});

describe('an argument of the wrong kind', () => {
  // R22, R23
  it('is refused as an expected version', async () => {
    for (const expectedVersion of [null, '13', 'some', -2, 1.5, Number.NaN, 2 ** 31, true, {}, 3n]) {
      const options = { stream: 'Quote-1', expectedVersion: expectedVersion as number };
      const fields = { code: 'invalid_argument', argument: 'expectedVersion', received: expectedVersion };
      await refused((store) => store.publish(quotes('a'), options), fields);
      await refused((store) => store.append(quotes('a'), options), fields);
      await refused((store) => store.link('a', options), fields);
    }
    for (const expectedVersion of [0, 'none', -1] as const) {
      await refused((store) => store.publish(quotes('a'), { expectedVersion }), {
        argument: 'expectedVersion',
        message: expect.stringContaining('Name the `stream`'),
      });
    }
  });

  it('is refused as options', async () => {
    for (const options of [null, 'Quote-1', 7]) {
      const fields = { code: 'invalid_argument', argument: 'options', received: options };
      await refused((store) => untyped(store)['publish']?.(quotes('a'), options), fields);
      await refused((store) => untyped(store)['append']?.(quotes('a'), options), fields);
      await refused((store) => untyped(store)['link']?.('a', options), fields);
    }
  });

  it('is refused as a misspelt option, which would be passed over in silence', async () => {
    const noop = () => undefined;
    const misspelt = (work: (store: Untyped) => unknown, received: string, remedy: string) =>
      refused((store) => work(untyped(store)), {
        code: 'invalid_argument',
        argument: 'options',
        received,
        message: expect.stringContaining(remedy),
      });
    await misspelt((store) => store['publish']?.(quotes('a'), { steam: 'x' }), 'steam', 'Write `stream`');
    await misspelt(
      (store) => store['append']?.(quotes('a'), { stream: 'x', expected_version: 0 }),
      'expected_version',
      'Write `expectedVersion`',
    );
    await misspelt(
      (store) => store['publish']?.(quotes('a'), { streamName: 'x' }),
      'streamName',
      'Write `stream`',
    );
    await misspelt(
      (store) => store['publish']?.(quotes('a'), { retries: 3 }),
      'retries',
      'Take `retries` out',
    );
    await misspelt((store) => store['link']?.('a', { stream: 'x', topic: 'y' }), 'topic', 'Take `topic` out');
    await misspelt((store) => store['subscribe']?.(noop, { too: [QuoteArchived] }), 'too', 'Write `to`');
    await misspelt(
      (store) => store['subscribeToAll']?.(noop, { to: [QuoteArchived] }),
      'to',
      'Take `to` out',
    );
    await misspelt((store) => store['searchStreams']?.('x', { limits: 3 }), 'limits', 'Write `limit`');
    await misspelt(() => new EventStore({ logs: 1 } as never), 'logs', 'Write `log`');
    await misspelt(() => new EventStore(memoryLog() as never), 'name', '`new EventStore({ log })`');
    await misspelt(() => new QuoteArchived({}, { metdata: {} } as never), 'metdata', 'Write `metadata`');
    await misspelt(() => defineEvent('X', undefined, { upcasts: {} } as never), 'upcasts', 'Write `upcast`');
    class Declared {
      static handles = { to: [QuoteArchived], rnu: 'in-transaction' };
      handle = noop;
    }
    await misspelt((store) => store['subscribe']?.(Declared), 'rnu', 'Write `run`');

    const store = new EventStore();
    await untyped(store)['publish']?.(quotes('a'), { steam: undefined, em: {} });
    expect(await store.read.count()).toBe(1);
  });

  it('is refused as a time that a database cannot keep, while a reader may ask since for ever', async () => {
    const ancient = new Date(-8_640_000_000_000_000);
    await refused(() => new QuoteArchived({}, { timestamp: ancient }), { argument: 'timestamp' });
    await refused(() => new QuoteArchived({}, { validAt: ancient }), { argument: 'validAt' });
    await refused(() => new EventStore({ clock: () => ancient }).publish(quotes('a')), { argument: 'clock' });
    await refused((store) => store.withMetadata({ validAt: ancient }, () => store.publish(quotes('a'))), {
      code: 'invalid_payload',
    });
    const store = new EventStore();
    await store.publish(quotes('a'));
    expect(await store.read.newerThan(ancient).count()).toBe(1);
  });

  // R34
  it('is refused as a limit or a batch size', async () => {
    for (const count of [undefined, null, 0, -1, 1.5, Number.NaN, Infinity, '3']) {
      const fields = { code: 'invalid_argument', received: count };
      await refused((store) => store.read.limit(count as number), { ...fields, argument: 'limit' });
      if (count === undefined) continue;
      await refused((store) => store.read.inBatches(count as number), { ...fields, argument: 'inBatches' });
      await refused((store) => store.searchStreams('x', { limit: count as number }), fields);
    }
    await refused((store) => untyped(store)['searchStreams']?.(7), { argument: 'prefix' });
  });

  // R32
  it('is refused as an id', async () => {
    for (const id of [undefined, null, '', 7, 'a\0', '\ud800']) {
      const fields = { code: 'invalid_argument', received: id };
      const wrong = id as string;
      await refused((store) => store.read.from(wrong), { ...fields, argument: 'from' });
      await refused((store) => store.read.to(wrong), { ...fields, argument: 'to' });
      await refused((store) => store.read.withId('a', wrong), { ...fields, argument: 'withId' });
      await refused((store) => store.read.event(wrong), fields);
      await refused((store) => store.read.events(['a', wrong]), fields);
      await refused((store) => store.link(['a', wrong], { stream: 'Quote-1' }), fields);
      await refused((store) => store.link(wrong, { stream: 'Quote-1' }), fields);
      await refused((store) => store.streamsOf(wrong), fields);
      await refused((store) => store.positionOf(wrong), fields);
      await refused((store) => store.isIn('Quote-1', wrong), fields);
    }
  });

  // R35, R38, R40
  it('is refused as a time, a type or a function of a reader', async () => {
    for (const time of [undefined, null, '2026-01-01', 1_700_000_000_000, new Date('never')]) {
      const at = time as Date;
      await refused((store) => store.read.olderThan(at), { argument: 'olderThan' });
      await refused((store) => store.read.olderThanOrEqual(at), { argument: 'olderThanOrEqual' });
      await refused((store) => store.read.newerThan(at), { argument: 'newerThan' });
      await refused((store) => store.read.newerThanOrEqual(at), { argument: 'newerThanOrEqual' });
      await refused((store) => store.read.between(at, new Date()), { code: 'invalid_argument' });
    }
    for (const type of [null, 7, Event, Map, new QuoteArchived()]) {
      await refused((store) => store.read.ofType(type as never), { argument: 'ofType' });
    }
    await refused((store) => store.read.map(undefined as never), { argument: 'map' });
    await refused((store) => store.read.reduce(7 as never, 0), { argument: 'reduce' });
  });

  it('is refused as work or metadata of withMetadata', async () => {
    await refused((store) => store.withMetadata({}, undefined as never), { argument: 'withMetadata' });
    for (const metadata of [null, 'actor', [], undefined]) {
      await refused((store) => store.withMetadata(metadata as never, () => 1), { argument: 'metadata' });
    }
  });

  it('is refused as an option of the store', async () => {
    for (const maxPayloadBytes of [0, -1, 1.5, Number.NaN, 16 * 1_048_576 + 1]) {
      await refused(() => new EventStore({ maxPayloadBytes }), { argument: 'maxPayloadBytes' });
    }
    await refused(() => new EventStore({ events: [Event as never] }), { code: 'invalid_argument' });
    await refused(() => new EventStore({ events: QuoteArchived as never }), { argument: 'events' });
    await refused(() => new EventStore({ log: { em: {} } as never }), { argument: 'log' });
    await refused(() => new EventStore({ clock: 5 as never }), { argument: 'clock' });
    await refused(() => new EventStore({ clock: () => new Date('never') }).publish(quotes('a')), {
      argument: 'clock',
    });
  });
});
