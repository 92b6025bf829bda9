import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import {
  EventStore,
  LogUnavailable,
  memoryLog,
  SchemaOutdated,
  UnknownCommitOutcome,
  type Append,
  type EventLog,
} from 'handover';
import { errorOf, idsOf, QuoteArchived, quotes } from './sample-events.js';

/** A log that shows which statements it got, and waits before the first one until it is let go. */
function gatedLog(beforeWrite: (appends: readonly Append[]) => void = () => {}) {
  const inner = memoryLog();
  const batches: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const log: EventLog = {
    ...inner,
    async append(appends) {
      batches.push(appends.map((each) => each.records.map((record) => record.id).join('')).join('|'));
      await gate;
      beforeWrite(appends);
      return inner.append(appends);
    },
  };
  return { store: new EventStore({ log }), batches, open };
}

const to = (expectedVersion: number | 'any' | 'none') => ({ stream: 'Quote-1', expectedVersion });

const statuses = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
  outcomes.map((each) => (each.status === 'fulfilled' ? 'stored' : (each.reason as { code: string }).code));

describe('publishing at the same time', () => {
  it('gathers while a statement is in flight, and goes as one statement then, in order', async () => {
    const { store, batches, open } = gatedLog();
    const publishing = Array.from('abcd', (id) => store.publish(quotes(id), { stream: 'Quote-1' }));
    const pair = store.publish(quotes('ef'));
    open();
    const recorded = await Promise.all(publishing);
    await pair;
    expect(batches).toEqual(['a', 'b|c|d|ef']);
    expect(recorded.map(([event]) => event?.version)).toEqual([0, 1, 2, 3]);
    expect(idsOf(await store.read.toArray())).toBe('abcdef');
  });

  it("fails one publisher's conflict and nobody else", async () => {
    const { store, batches, open } = gatedLog();
    const publishing = [
      store.publish(quotes('a'), to('none')),
      store.publish(quotes('b'), to('none')),
      store.publish(quotes('c'), to(0)),
      store.publish(quotes('xa')),
      store.publish(quotes('d'), to('any')),
    ];
    open();
    expect(statuses(await Promise.allSettled(publishing))).toEqual([
      'stored',
      'wrong_expected_version',
      'stored',
      'duplicate_event',
      'stored',
    ]);
    expect(batches).toEqual(['a', 'b|c|xa|d']);
    expect(idsOf(await store.read.toArray())).toBe('acd');
  });

  it('is tried one by one when the whole statement fails, so that only the culprit pays', async () => {
    const { store, batches, open } = gatedLog((appends) => {
      if (appends.some((each) => each.records[0]?.id === 'c')) throw new Error('statement failed');
    });
    const publishing = Array.from('abcd', (id) => store.publish(quotes(id)));
    open();
    const outcomes = await Promise.allSettled(publishing);
    expect(outcomes.map((each) => each.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(batches).toEqual(['a', 'b|c|d', 'b', 'c', 'd']);
    expect(idsOf(await store.read.toArray())).toBe('abd');
  });

  it.each([
    new LogUnavailable(new Error('refused')),
    new UnknownCommitOutcome(['b']),
    new SchemaOutdated('handover', undefined, 1),
  ])('is not tried again after $code: all are told', async (failure) => {
    const { store, batches, open } = gatedLog(() => {
      throw failure;
    });
    const publishing = Array.from('abc', (id) => store.publish(quotes(id)));
    open();
    expect(statuses(await Promise.allSettled(publishing))).toEqual([
      failure.code,
      failure.code,
      failure.code,
    ]);
    expect(batches).toEqual(['a', 'b|c']);
  });

  it('goes on after a failure', async () => {
    let failing = true;
    const { store, open } = gatedLog(() => {
      if (failing) throw new LogUnavailable(new Error('refused'));
    });
    open();
    expect(await errorOf(() => store.publish(quotes('a')))).toMatchObject({ code: 'log_unavailable' });
    failing = false;
    await store.publish(quotes('a'));
    expect(await store.read.count()).toBe(1);
  });

  it('sends no more than 256 publishes, or 4 MiB, in one statement', async () => {
    const { store, batches, open } = gatedLog();
    const many = Array.from({ length: 300 }, () => store.publish(new QuoteArchived()));
    open();
    await Promise.all(many);
    expect(batches.map((each) => each.split('|').length)).toEqual([1, 256, 43]);
    batches.splice(0);
    const text = 'x'.repeat(1_000_000);
    await Promise.all(Array.from({ length: 7 }, () => store.publish(new QuoteArchived({ text }))));
    expect(batches.map((each) => each.split('|').length)).toEqual([1, 4, 2]);
  });

  it('does not write in the async context of whoever came first', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const { store, open } = gatedLog(() => seen.push(request.getStore()));
    open();
    await request.run('first', () => store.publish(quotes('a')));
    expect(seen).toEqual([undefined]);
  });

  it('is waited for by settled and by close', async () => {
    for (const end of ['settled', 'close'] as const) {
      const { store, open } = gatedLog();
      const order: string[] = [];
      const publishing = [
        store.publish(quotes('a')).then(() => order.push('a')),
        store.publish(quotes('b')).then(() => order.push('b')),
      ];
      const ended = store[end]().then(() => order.push(end));
      open();
      await Promise.all([...publishing, ended]);
      expect(order.at(-1)).toBe(end);
    }
  });
});

describe('a store', () => {
  it('may be closed twice, and closes itself at the end of its block', async () => {
    let closed = 0;
    const log: EventLog = { ...memoryLog(), close: async () => void (closed += 1) };
    {
      await using store = new EventStore({ log });
      await store.migrate();
      await store.close();
    }
    expect(closed).toBe(1);
  });
});
