import { describe, expect, it } from '@jest/globals';
import { EventStore, memoryLog } from 'handover';
import { errorOf, idsOf, PriceUpdated, QuoteArchived, QuoteCompleted, quotes } from './sample-events.js';

const stream = 'Quote-1';
const clock = () => new Date('2030-01-01');

describe('publishing', () => {
  // R9
  it('returns what was recorded, with its place and time, and leaves the given event as it was', async () => {
    const now = new Date('2026-05-01T12:00:00.123Z');
    const store = new EventStore({ log: memoryLog({ clock: () => now }) });
    const [first, second] = quotes('ab');
    const recorded = await store.publish([first!, second!], { stream });
    expect(recorded).toMatchObject([
      { id: 'a', stream, version: 0, timestamp: now, validAt: now, data: { quoteId: 'a' } },
      { id: 'b', stream, version: 1, timestamp: now, validAt: now },
    ]);
    expect(recorded[0]).toBeInstanceOf(QuoteCompleted);
    // R12, the other way round: nothing is written into the publisher's object.
    expect(first).toMatchObject({
      stream: undefined,
      version: undefined,
      timestamp: undefined,
      metadata: {},
    });
  });

  it('gives what a later read gives', async () => {
    const store = new EventStore();
    const [recorded] = await store.publish(
      new PriceUpdated({ catalogItemId: '7', priceNow: 1 }, { metadata: { at: new Date(5) } }),
      { stream },
    );
    const read = await store.read.stream(stream).first();
    expect(Object.assign({}, read, { position: undefined })).toEqual(Object.assign({}, recorded));
    expect(read?.position).toBe(await store.positionOf(recorded!.id));
  });

  // R10
  it('stores the whole list before the first handler runs', async () => {
    const store = new EventStore();
    const seen: number[] = [];
    store.subscribe(async () => void seen.push(await store.read.stream(stream).count()), {
      to: [QuoteCompleted],
    });
    await store.publish(quotes('ab'), { stream });
    expect(seen).toEqual([2, 2]);
  });

  // R11
  it('takes one event or a list, and does nothing for an empty one', async () => {
    const store = new EventStore();
    expect(idsOf(await store.publish(quotes('a')[0]!))).toBe('a');
    expect(idsOf(await store.publish(quotes('bc')))).toBe('bc');
    expect(await store.publish([])).toEqual([]);
    expect(await store.publish([], { stream, expectedVersion: 7 })).toEqual([]);
    expect(idsOf(await store.read.toArray())).toBe('abc');
  });

  // R13
  it('stamps events with the clock of the store where it is given one', async () => {
    const [recorded] = await new EventStore({ clock }).publish(new QuoteArchived());
    expect([recorded?.timestamp, recorded?.validAt]).toEqual([clock(), clock()]);
  });

  it('keeps the times that an event brings', async () => {
    const timestamp = new Date('2020-01-01');
    const validAt = new Date('2019-01-01');
    const store = new EventStore();
    await store.publish([
      new QuoteArchived({}, { timestamp }),
      new QuoteArchived({}, { timestamp, validAt }),
    ]);
    const [first, second] = await store.read.toArray();
    expect([first?.timestamp, first?.validAt]).toEqual([timestamp, timestamp]);
    expect([second?.timestamp, second?.validAt]).toEqual([timestamp, validAt]);
  });

  // R15
  it('appends without telling anybody', async () => {
    const store = new EventStore();
    store.subscribeToAll(() => {
      throw new Error('told');
    });
    const recorded = await store.append(quotes('ab'), { stream });
    expect(recorded).toMatchObject([{ version: 0 }, { version: 1 }]);
    expect(recorded[0]?.correlationId).toEqual(expect.any(String));
  });

  // R16
  it('refuses an id that is stored already, or twice in the list, and stores nothing of the list', async () => {
    const store = new EventStore();
    await store.publish(quotes('a'));
    const duplicate = { code: 'duplicate_event', eventId: 'a' };
    expect(await errorOf(() => store.publish(quotes('ba')))).toMatchObject(duplicate);
    expect(await errorOf(() => store.publish(quotes('bca'), { stream }))).toMatchObject(duplicate);
    expect(await errorOf(() => store.publish(quotes('bb')))).toMatchObject({ eventId: 'b' });
    expect(idsOf(await store.read.toArray())).toBe('a');
  });

  // R17
  it('looks handlers up under a topic, calls those of all events too, and stores no topic', async () => {
    const store = new EventStore();
    const heard: string[] = [];
    store.subscribe(() => heard.push('type'), { to: [QuoteCompleted] });
    store.subscribe(() => heard.push('topic'), { to: ['quotes'] });
    store.subscribeToAll(() => heard.push('all'));
    await store.publish(quotes('a'), { topic: 'quotes' });
    expect(heard).toEqual(['topic', 'all']);
    expect((await store.read.first())?.type).toBe('QuoteCompleted');
    expect(JSON.stringify(await store.read.first())).not.toContain('quotes');
  });

  it('copies and freezes data and metadata, however deep', async () => {
    const store = new EventStore();
    const data = { list: [{ n: 1 }], at: new Date(0) };
    const metadata = { tags: ['a'] };
    const publishing = store.publish(new QuoteArchived(data, { metadata }));
    data.list[0]!.n = 2;
    data.at.setTime(99);
    metadata.tags.push('b');
    const [recorded] = await publishing;
    const read = await store.read.first();
    for (const event of [recorded, read]) {
      expect(event?.data).toEqual({ list: [{ n: 1 }], at: new Date(0) });
      expect(event?.metadata['tags']).toEqual(['a']);
      const { list, at } = event!.data as typeof data;
      expect(() => list.push({ n: 3 })).toThrow(TypeError);
      expect(() => at.setTime(1)).toThrow(TypeError);
      expect(() => (event!.metadata['tags'] as string[]).push('c')).toThrow(TypeError);
      expect(() => Object.assign(event!, { metadata: {} })).toThrow(TypeError);
    }
    expect(Object.isFrozen(data)).toBe(false);
  });

  it('does not see a date that the publisher changes afterwards', async () => {
    const store = new EventStore();
    const timestamp = new Date('2020-01-01');
    const publishing = store.publish(new QuoteArchived({}, { timestamp }));
    timestamp.setTime(0);
    const [recorded] = await publishing;
    expect(recorded?.timestamp).toEqual(new Date('2020-01-01'));
    recorded?.timestamp.setTime(0);
    expect((await store.read.first())?.timestamp).toEqual(new Date('2020-01-01'));
  });

  it('gives each event times of its own, which no handler can change for others', async () => {
    const log = memoryLog();
    const store = new EventStore({ log });
    const [first, second] = await store.publish(quotes('ab'));
    const time = second!.timestamp.getTime();
    first!.timestamp.setTime(0);
    expect([first!.validAt.getTime(), second!.timestamp.getTime()]).toEqual([time, time]);
    const timestamp = new Date('2020-01-01');
    await log.transaction(async () => {
      const [waiting] = await store.publish(
        new QuoteArchived({}, { id: 'c', timestamp, validAt: timestamp }),
      );
      waiting!.timestamp.setTime(0);
      waiting!.validAt.setTime(0);
    });
    expect(await store.read.event('c')).toMatchObject({ timestamp, validAt: timestamp });
  });

  it('brings dates back as dates, in data and metadata', async () => {
    const store = new EventStore();
    const at = new Date('2026-01-02T03:04:05.678Z');
    const text = at.toISOString();
    await store.publish(new QuoteArchived({ at, text, list: [{ at }] }, { metadata: { at, text } }));
    const read = await store.read.first();
    expect(read?.data).toEqual({ at, text, list: [{ at }] });
    expect(read?.metadata).toMatchObject({ at, text });
  });

  it('keeps stores apart, each with its own log', async () => {
    const [one, other] = [new EventStore(), new EventStore()];
    await one.publish(quotes('a'));
    expect(await other.read.count()).toBe(0);
  });
});

describe('an expected version', () => {
  // R24, R25
  it("is the version of the stream's last event; 'none' and -1 mean an empty stream", async () => {
    const store = new EventStore();
    await store.publish(quotes('a'), { stream, expectedVersion: 'none' });
    await store.publish(quotes('bc'), { stream, expectedVersion: 0 });
    await store.publish(quotes('d'), { stream, expectedVersion: 2 });
    await store.publish(quotes('e'), { stream: 'Quote-2', expectedVersion: -1 });
    expect(idsOf(await store.read.stream(stream).toArray())).toBe('abcd');
  });

  // R25, R26
  it('that is wrong writes nothing, tells nobody and names both versions', async () => {
    const store = new EventStore();
    await store.append(quotes('ab'), { stream });
    let told = 0;
    store.subscribeToAll(() => void (told += 1));
    for (const expectedVersion of [0, 2, 5, 'none', -1] as const) {
      expect(await errorOf(() => store.publish(quotes('cd'), { stream, expectedVersion }))).toMatchObject({
        code: 'wrong_expected_version',
        stream,
        expected: expectedVersion === -1 ? 'none' : expectedVersion,
        actual: 1,
      });
    }
    expect(
      await errorOf(() => store.publish(quotes('c'), { stream: 'empty', expectedVersion: 0 })),
    ).toMatchObject({
      actual: -1,
    });
    expect(told).toBe(0);
    expect(await store.read.count()).toBe(2);
  });

  // R27, R28
  it("never fails as 'any' or 'auto', which mix with numbers and leave no gaps", async () => {
    const store = new EventStore();
    await store.publish(quotes('a'), { stream });
    await store.publish(quotes('b'), { stream, expectedVersion: 0 });
    await store.publish(quotes('c'), { stream, expectedVersion: 'auto' });
    await Promise.all(
      Array.from('defgh', (id) => store.publish(quotes(id), { stream, expectedVersion: 'auto' })),
    );
    await store.publish(quotes('i'), { stream, expectedVersion: 7 });
    const events = await store.read.stream(stream).toArray();
    expect(events.map((event) => event.version)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('lets exactly one of many writers through', async () => {
    const store = new EventStore();
    const writes = Array.from('abcde', (id) =>
      store.publish(quotes(id), { stream, expectedVersion: 'none' }),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.map((each) => each.status).toSorted()).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'rejected',
    ]);
    expect(await store.read.stream(stream).count()).toBe(1);
  });

  // R29
  it("makes something unique as 'none' on a stream named after it", async () => {
    const store = new EventStore();
    const claim = (id: string) =>
      store.publish(quotes(id), { stream: 'unique/email/a@b.c', expectedVersion: 'none' });
    await claim('a');
    await expect(claim('b')).rejects.toMatchObject({ code: 'wrong_expected_version' });
  });
});

describe('linking', () => {
  // R18
  it('adds stored events to a further stream, in the order given, and tells nobody', async () => {
    const store = new EventStore();
    await store.publish(quotes('abc'), { stream });
    store.subscribeToAll(() => {
      throw new Error('told');
    });
    await store.link('c', { stream: 'inbox' });
    await store.link(['b', 'a'], { stream: 'inbox', expectedVersion: 0 });
    const linked = await store.read.stream('inbox').toArray();
    expect(idsOf(linked)).toBe('cba');
    expect(linked[0]).toMatchObject({ stream, version: 2 });
    expect(await store.read.count()).toBe(3);
  });

  it('is refused for unknown ids, twice, and at a wrong version, and then does nothing', async () => {
    const store = new EventStore();
    await store.publish(quotes('abc'), { stream });
    await store.link('a', { stream: 'inbox' });
    const link = (ids: string | string[], expectedVersion: number | 'any' = 'any') =>
      errorOf(() => store.link(ids, { stream: 'inbox', expectedVersion }));
    expect(await link(['b', 'nobody'])).toMatchObject({ code: 'event_not_found', eventId: 'nobody' });
    expect(await link(['b', 'a'])).toMatchObject({ code: 'duplicate_event', eventId: 'a', stream: 'inbox' });
    expect(await link('b', 4)).toMatchObject({ code: 'wrong_expected_version', actual: 0 });
    expect(await errorOf(() => store.link('a', { stream }))).toMatchObject({ code: 'duplicate_event' });
    expect(idsOf(await store.read.stream('inbox').toArray())).toBe('a');
    await store.link([], { stream: 'inbox' });
  });
});

describe('linking in a handler', () => {
  // R60
  it('gathers events under what they have in common', async () => {
    const store = new EventStore();
    store.subscribeToAll((event) => store.link(event.id, { stream: `by-type/${event.type}` }));
    store.subscribeToAll((event) => store.link(event.id, { stream: `by-cause/${event.correlationId}` }));
    store.subscribe(() => store.publish(new QuoteArchived({}, { id: 'b' })), { to: [QuoteCompleted] });
    const [recorded] = await store.publish(quotes('a'));
    expect(idsOf(await store.read.stream('by-type/QuoteArchived').toArray())).toBe('b');
    expect(idsOf(await store.read.stream(`by-cause/${recorded?.correlationId}`).toArray())).toBe('ab');
  });
});

describe('deleting a stream', () => {
  // R19
  it('takes its events out of it, not out of the log, and lets it start anew', async () => {
    const store = new EventStore();
    await store.publish(quotes('ab'), { stream });
    await store.link('a', { stream: 'inbox' });
    await store.deleteStream(stream);
    await store.deleteStream('unknown');
    expect(await store.read.stream(stream).count()).toBe(0);
    expect(idsOf(await store.read.toArray())).toBe('ab');
    expect(idsOf(await store.read.stream('inbox').toArray())).toBe('a');
    expect(await store.streamsOf('a')).toEqual(['inbox']);
    expect(await store.read.event('a')).toMatchObject({ stream: undefined, version: undefined });
    expect(await store.publish(quotes('c'), { stream, expectedVersion: 'none' })).toMatchObject([
      { version: 0 },
    ]);
  });
});

describe('overwriting', () => {
  // R20
  it('replaces type, data, metadata and validAt, keeps place and timestamp, and tells nobody', async () => {
    const store = new EventStore({ events: [PriceUpdated] });
    const [before] = await store.publish(quotes('a'), { stream });
    await store.link('a', { stream: 'inbox' });
    store.subscribeToAll(() => {
      throw new Error('told');
    });
    const validAt = new Date('2000-01-01');
    const after = new PriceUpdated(
      { catalogItemId: '7', priceNow: 3 },
      { id: 'a', metadata: { why: 'typo' }, validAt },
    );
    await store.withMetadata({ ambient: true }, () => store.overwrite(after));
    const read = await store.read.stream('inbox').first();
    expect(read).toMatchObject({
      type: 'PriceUpdated',
      data: { catalogItemId: '7', priceNow: 3 },
      metadata: { why: 'typo' },
      stream,
      version: 0,
      timestamp: before!.timestamp,
      validAt,
    });
    expect(read?.metadata).not.toHaveProperty('ambient');
    await store.overwrite(new PriceUpdated({ catalogItemId: '7', priceNow: 4 }, { id: 'a' }));
    expect((await store.read.first())?.validAt).toEqual(validAt);
  });

  it('takes what was read, and is all or nothing', async () => {
    const store = new EventStore();
    await store.publish(quotes('ab'));
    const [a] = await store.read.toArray();
    await store.overwrite([a!]);
    await store.overwrite([]);
    const changed = new QuoteCompleted({ quoteId: 'changed' }, { id: 'b' });
    expect(await errorOf(() => store.overwrite([changed, ...quotes('z')]))).toMatchObject({
      code: 'event_not_found',
      eventId: 'z',
    });
    expect((await store.read.event('b'))?.data).toEqual({ quoteId: 'b' });
  });
});

describe('streams and places', () => {
  it('are told of an event', async () => {
    const store = new EventStore();
    await store.publish(quotes('ab'), { stream });
    await store.publish(quotes('c'));
    await store.link('b', { stream: 'inbox' });
    await store.link('b', { stream: 'archive' });
    // R44
    expect(await store.streamsOf('b')).toEqual([stream, 'inbox', 'archive']);
    expect([await store.streamsOf('c'), await store.streamsOf('nobody')]).toEqual([[], []]);
    // R45
    expect([await store.versionIn(stream, 'b'), await store.versionIn('inbox', 'b')]).toEqual([1, 0]);
    expect(await errorOf(() => store.versionIn('inbox', 'a'))).toMatchObject({
      code: 'event_not_found',
      eventId: 'a',
      stream: 'inbox',
    });
    // R46
    const positions = [await store.positionOf('a'), await store.positionOf('b'), await store.positionOf('c')];
    expect(positions[0]! < positions[1]! && positions[1]! < positions[2]!).toBe(true);
    expect(await errorOf(() => store.positionOf('nobody'))).toMatchObject({ code: 'event_not_found' });
    // R47
    expect([await store.isIn('inbox', 'b'), await store.isIn('inbox', 'a')]).toEqual([true, false]);
  });

  // R48
  it('are found by the beginning of their name, literally, sorted, ten unless more are asked for', async () => {
    const store = new EventStore();
    const names = ['b%x', 'b_x', 'bax', 'Bax', ...Array.from({ length: 12 }, (_, n) => `z${n + 10}`)];
    for (const name of names) await store.publish(new QuoteArchived(), { stream: name });
    expect(await store.searchStreams('b')).toEqual(['b%x', 'b_x', 'bax']);
    expect(await store.searchStreams('b_')).toEqual(['b_x']);
    expect(await store.searchStreams('b%')).toEqual(['b%x']);
    expect(await store.searchStreams('nothing')).toEqual([]);
    expect(await store.searchStreams('z')).toHaveLength(10);
    expect(await store.searchStreams('z', { limit: 12 })).toHaveLength(12);
    expect((await store.searchStreams('', { limit: 2 }))[0]).toBe('Bax');
  });
});
