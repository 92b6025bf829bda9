import { describe, expect, it } from '@jest/globals';
import { EventStore, memoryLog, type EventLog, type Reader } from 'handover';
import { errorOf, idsOf, PriceUpdated, QuoteArchived, QuoteCompleted, quotes } from './sample-events.js';

const stream = 'Quote-1';
const day = (n: number) => new Date(Date.UTC(2026, 0, n));

const first = async (one: Reader) => (await one.first())?.id;
const last = async (one: Reader) => (await one.last())?.id;

async function ids(reader: Reader): Promise<string> {
  return idsOf(await reader.toArray());
}

/** `a` to `e` in the stream, and `x` before, `y` behind them outside of it. */
async function filledStore(log: EventLog = memoryLog()): Promise<EventStore> {
  const store = new EventStore({ log });
  await store.append(quotes('x'));
  await store.append(quotes('abcde'), { stream });
  await store.append(quotes('y'));
  return store;
}

function timed(id: string, timestamp: number, validAt: number): QuoteArchived {
  return new QuoteArchived({}, { id, timestamp: day(timestamp), validAt: day(validAt) });
}

/** Recorded on days 3, 1, 2 and valid on days 1, 2, 3. */
async function storeWithTimes(): Promise<EventStore> {
  const store = new EventStore();
  await store.append([timed('a', 3, 1), timed('b', 1, 2), timed('c', 2, 3)], { stream });
  return store;
}

describe('a reader', () => {
  // R30
  it('reads everything, forward, unless it is told more', async () => {
    const { read } = await filledStore();
    expect(await ids(read)).toBe('xabcdey');
  });

  it('is not changed by the steps that are built on it', async () => {
    const { read } = await filledStore();
    const narrow = read.stream(stream);
    narrow.limit(1).backward().ofType().from('a');
    expect(await ids(narrow)).toBe('abcde');
    expect(await ids(read)).toBe('xabcdey');
  });

  it('can be asked again, and then sees what came since', async () => {
    const store = await filledStore();
    const reader = store.read.stream(stream);
    expect(await reader.count()).toBe(5);
    await store.append(quotes('f'), { stream });
    expect(await reader.count()).toBe(6);
    expect((await reader.last())?.id).toBe('f');
  });

  // R31
  it('reads one stream, and an unknown one as empty', async () => {
    const { read } = await filledStore();
    expect(await ids(read.stream(stream))).toBe('abcde');
    expect(await ids(read.stream('unknown'))).toBe('');
  });

  // R32, R33
  it('starts behind one event and stops before another, seen in reading direction', async () => {
    const { read } = await filledStore();
    const reader = read.stream(stream);
    expect(await ids(reader.from('b'))).toBe('cde');
    expect(await ids(reader.to('d'))).toBe('abc');
    expect(await ids(reader.from('a').to('e'))).toBe('bcd');
    expect(await ids(reader.backward())).toBe('edcba');
    expect(await ids(reader.backward().from('d'))).toBe('cba');
    expect(await ids(reader.backward().from('d').to('a'))).toBe('cb');
    expect(await ids(reader.from('d').to('b'))).toBe('');
    expect(await ids(read.from('d'))).toBe('ey');
  });

  it('fails when its start or stop is not in that stream, once it reads', async () => {
    const { read } = await filledStore();
    const reader = read.stream(stream).from('x');
    const missing = { code: 'event_not_found', eventId: 'x', stream };
    expect(await errorOf(() => reader.toArray())).toMatchObject(missing);
    expect(await errorOf(() => reader.count())).toMatchObject(missing);
    expect(await errorOf(() => read.to('nobody').first())).toMatchObject({ eventId: 'nobody' });
  });

  // R34
  it('limits after all filters', async () => {
    const store = await filledStore();
    await store.append([new QuoteArchived({}, { id: 'f' }), ...quotes('g')], { stream });
    expect(await ids(store.read.stream(stream).ofType(QuoteArchived).limit(1))).toBe('f');
    expect(await ids(store.read.stream(stream).withId('d', 'e', 'g').limit(2).backward())).toBe('ge');
    expect(await store.read.limit(3).count()).toBe(3);
  });

  // R35
  it('filters by time; the two forms of one side replace each other, older and newer combine', async () => {
    const { read } = await storeWithTimes();
    expect(await ids(read.olderThan(day(2)))).toBe('b');
    expect(await ids(read.olderThanOrEqual(day(2)))).toBe('bc');
    expect(await ids(read.newerThan(day(2)))).toBe('a');
    expect(await ids(read.newerThanOrEqual(day(2)))).toBe('ac');
    expect(await ids(read.newerThan(day(2)).newerThanOrEqual(day(2)))).toBe('ac');
    expect(await ids(read.newerThan(day(1)).olderThan(day(3)))).toBe('c');
    expect(await ids(read.asOf().olderThan(day(2)))).toBe('a');
    expect(await ids(read.asAt().olderThan(day(2)))).toBe('b');
  });

  it('keeps the time it was given, whatever becomes of that Date', async () => {
    const { read } = await storeWithTimes();
    const at = day(2);
    const reader = read.olderThan(at);
    at.setTime(0);
    expect(await ids(reader)).toBe('b');
  });

  // R36
  it('reads between two times, both included', async () => {
    const { read } = await storeWithTimes();
    expect(await ids(read.between(day(1), day(2)))).toBe('bc');
    expect(await ids(read.asOf().between(day(2), day(3)))).toBe('bc');
  });

  // R37
  it('sorts by timestamp or validAt, ties as stored, and backward is the exact reverse', async () => {
    const { read } = await storeWithTimes();
    expect(await ids(read)).toBe('abc');
    expect(await ids(read.asAt())).toBe('bca');
    expect(await ids(read.asOf().backward())).toBe('cba');
    const store = new EventStore({ clock: () => day(1) });
    await store.append(quotes('abc'));
    expect([await ids(store.read.asAt()), await ids(store.read.asAt().backward())]).toEqual(['abc', 'cba']);
  });

  // R38
  it('reads types by class or name; the last call counts, and no type matches nothing', async () => {
    const store = await filledStore();
    const { read } = store;
    await store.append([
      new QuoteArchived({}, { id: 'f' }),
      new PriceUpdated({ catalogItemId: '7', priceNow: 1 }, { id: 'g' }),
    ]);
    expect(await ids(read.ofType(QuoteArchived, PriceUpdated))).toBe('fg');
    expect(await ids(read.ofType([QuoteArchived, PriceUpdated]))).toBe('fg');
    expect(await ids(read.ofType(QuoteArchived, 'PriceUpdated'))).toBe('fg');
    expect(await ids(read.ofType(QuoteArchived).ofType(PriceUpdated))).toBe('g');
    expect([await ids(read.ofType([])), await ids(read.ofType())]).toEqual(['', '']);
  });

  // R39
  it('reads ids in the order of the stream, and no id matches nothing', async () => {
    const { read } = await filledStore();
    expect(await ids(read.withId('d', 'nobody', 'b'))).toBe('bd');
    expect(await ids(read.stream(stream).withId(['x', 'b']))).toBe('b');
    expect(await ids(read.withId([]))).toBe('');
  });

  // R40
  it('is iterated, collected, mapped, folded and counted', async () => {
    const { read } = await filledStore();
    const reader = read.stream(stream);
    let seen = '';
    for await (const event of reader) seen += event.id;
    expect(seen).toBe('abcde');
    expect(await reader.map((event) => event.id)).toEqual('abcde'.split(''));
    expect(await reader.map(async (event) => event.version)).toEqual([0, 1, 2, 3, 4]);
    expect(await reader.reduce((text, event) => text + event.id, '>')).toBe('>abcde');
    expect(await reader.reduce(async (text, event) => event.id + text, '')).toBe('edcba');
    expect(await read.stream('unknown').reduce(() => 1, 0)).toBe(0);
    expect(await reader.count()).toBe(5);
  });

  // R41
  it('pulls batches of 100, or of the size it was told, and no more than are asked for', async () => {
    const pulled: number[] = [];
    const log = memoryLog();
    const watching: EventLog = {
      ...log,
      async *read(query, batchSize) {
        for await (const batch of log.read(query, batchSize)) {
          pulled.push(batch.length);
          yield batch;
        }
      },
    };
    const store = new EventStore({ log: watching });
    await store.append(Array.from({ length: 250 }, () => new QuoteArchived()));
    expect(await store.read.toArray()).toHaveLength(250);
    expect(pulled.splice(0)).toEqual([100, 100, 50]);
    for await (const _ of store.read.inBatches(20)) break;
    expect(pulled.splice(0)).toEqual([20]);
    const sizes: number[] = [];
    for await (const batch of store.read.limit(45).inBatches(20).batches()) sizes.push(batch.length);
    expect(sizes).toEqual([20, 20, 5]);
  });

  // R42
  it('knows its first and last event within direction, limit, start and stop', async () => {
    const { read } = await filledStore();
    const reader = read.stream(stream);
    expect([await first(reader), await last(reader)]).toEqual(['a', 'e']);
    expect([await first(reader.backward()), await last(reader.backward())]).toEqual(['e', 'a']);
    expect([await last(reader.limit(2)), await last(reader.backward().limit(2))]).toEqual(['b', 'd']);
    expect([await first(reader.from('b').to('e')), await last(reader.from('b').to('e'))]).toEqual(['c', 'd']);
    expect(await last(reader.backward().from('d').to('b'))).toBe('c');
    expect([await first(read.stream('unknown')), await last(read.stream('unknown'))]).toEqual([
      undefined,
      undefined,
    ]);
    const { read: byTime } = await storeWithTimes();
    expect([await last(byTime.asAt()), await last(byTime.asAt().backward())]).toEqual(['a', 'b']);
  });

  // R43
  it('finds events by id within what it reads', async () => {
    const { read } = await filledStore();
    const reader = read.stream(stream);
    expect((await reader.event('b'))?.id).toBe('b');
    expect(await reader.event('x')).toBeUndefined();
    expect(await reader.ofType(QuoteArchived).event('b')).toBeUndefined();
    expect(await reader.withId('a').event('b')).toBeUndefined();
    expect((await reader.requireEvent('b')).id).toBe('b');
    expect(await errorOf(() => reader.requireEvent('x'))).toMatchObject({
      code: 'event_not_found',
      eventId: 'x',
      stream,
    });
    expect(await ids(reader.events(['d', 'x', 'nobody', 'a']))).toBe('ad');
    expect(await ids(reader.withId('a', 'b').events(['b', 'c']))).toBe('b');
  });

  it('gives instances of the classes it is asked for', async () => {
    const log = memoryLog();
    await filledStore(log);
    const event = await new EventStore({ log }).read.ofType(QuoteCompleted).first();
    expect(event).toBeInstanceOf(QuoteCompleted);
    expect(event?.data.quoteId).toBe('x');
  });
});
