import { describe, expect, it } from '@jest/globals';
import { EventStore, memoryLog, type Event } from 'handover';
import { captureEvents } from 'handover/testing';
import {
  errorOf,
  idsOf,
  PriceUpdated,
  QuoteArchived,
  QuoteCompleted,
  quotes,
} from '../store/sample-events.js';

const tell = () => {
  throw new Error('told');
};

describe('captureEvents', () => {
  it('returns what was published and appended meanwhile, oldest first, as it was recorded', async () => {
    const store = new EventStore();
    await store.publish(quotes('a'));
    const captured = await captureEvents(store, async () => {
      await store.publish(quotes('bc'), { stream: 'Quote-1' });
      await store.append(quotes('d'), { stream: 'Quote-1' });
    });
    await store.publish(quotes('e'));
    expect(captured).toMatchObject([
      { id: 'b', stream: 'Quote-1', version: 0, data: { quoteId: 'b' } },
      { id: 'c', version: 1 },
      { id: 'd', version: 2 },
    ]);
    expect(idsOf(await store.read.toArray())).toBe('abcde');
  });

  it('returns only the classes asked for', async () => {
    const store = new EventStore();
    const captured = await captureEvents(store, [QuoteArchived, PriceUpdated], async () => {
      await store.publish([...quotes('a'), new QuoteArchived({}, { id: 'b' })]);
      await store.publish(new PriceUpdated({ catalogItemId: '7', priceNow: 1 }, { id: 'c' }));
    });
    expect(idsOf(captured)).toBe('bc');
    expect(captured[1]).toBeInstanceOf(PriceUpdated);
    expect(await captureEvents(store, [], () => store.publish(quotes('d')))).toEqual([]);
  });

  it('lets no handler run, of whatever phase, and takes work that is synchronous', async () => {
    const store = new EventStore();
    store.subscribeToAll(tell);
    store.subscribe(tell, { to: [QuoteCompleted], run: 'in-transaction' });
    const captured = await captureEvents(store, () =>
      store
        .within(() => store.publish(quotes('a')))
        .subscribeToAll(tell)
        .run(),
    );
    expect(idsOf(captured)).toBe('a');
    expect(await captureEvents(store, () => undefined)).toEqual([]);
  });

  it('leaves the handlers of everybody else alone, so that tests run side by side', async () => {
    const store = new EventStore();
    const heard: string[] = [];
    store.subscribeToAll((event) => heard.push(event.id));
    const both = Promise.withResolvers<void>();
    const capture = (id: string) =>
      captureEvents(store, async () => {
        if (id === 'b') both.resolve();
        await both.promise;
        await store.publish(quotes(id));
      });
    const [first, second] = await Promise.all([
      capture('a'),
      capture('b'),
      both.promise.then(() => store.publish(quotes('c'))),
    ]);
    expect([idsOf(first), idsOf(second), heard]).toEqual(['a', 'b', ['c']]);
  });

  it('captures for one store only', async () => {
    const [store, other] = [new EventStore(), new EventStore()];
    const heard: string[] = [];
    other.subscribeToAll((event) => heard.push(event.id));
    const captured = await captureEvents(store, async () => {
      await other.publish(quotes('a'));
      await store.publish(quotes('b'));
    });
    expect([idsOf(captured), heard]).toEqual(['b', ['a']]);
  });

  it('captures for every one of several around each other', async () => {
    const store = new EventStore();
    let inner: Event[] = [];
    const outer = await captureEvents(store, async () => {
      await store.publish(quotes('a'));
      inner = await captureEvents(store, () => store.publish(quotes('b')));
      await store.publish(quotes('c'));
    });
    expect([idsOf(inner), idsOf(outer)]).toEqual(['b', 'abc']);
  });

  it('captures what a transaction commits and nothing that it rolls back', async () => {
    const log = memoryLog();
    const store = new EventStore({ log });
    const captured = await captureEvents(store, async () => {
      await log.transaction(async () => void (await store.publish(quotes('a'), { stream: 'Quote-1' })));
      const undone = log.transaction(async () => {
        await store.publish(quotes('b'));
        throw new Error('undo');
      });
      await undone.catch(() => undefined);
    });
    expect(captured).toMatchObject([{ id: 'a', version: 0 }]);
  });

  it('captures nothing that was refused', async () => {
    const store = new EventStore();
    const captured = await captureEvents(store, async () => {
      const options = { stream: 'Quote-1', expectedVersion: 5 };
      await store.publish(quotes('a'), options).catch(() => undefined);
    });
    expect(captured).toEqual([]);
  });

  it('fails when the work fails, and handlers run again afterwards', async () => {
    const store = new EventStore();
    const heard: string[] = [];
    store.subscribeToAll((event) => heard.push(event.id));
    await expect(captureEvents(store, () => Promise.reject(new Error('work')))).rejects.toThrow('work');
    await store.publish(quotes('a'));
    expect(heard).toEqual(['a']);
  });

  it('is not changed by work that outlives it', async () => {
    const store = new EventStore();
    const over = Promise.withResolvers<void>();
    let late: Promise<unknown> | undefined;
    const captured = await captureEvents(store, () => {
      late = over.promise.then(() => store.publish(quotes('a')));
    });
    over.resolve();
    await late;
    expect(captured).toEqual([]);
  });

  it('waits for what is still recorded in the background', async () => {
    const store = new EventStore();
    const { promise: go, resolve: start } = Promise.withResolvers<void>();
    let recording: Promise<unknown> | undefined;
    const settled = async () => {
      start();
      await recording;
    };
    store.recording.attach({ settled, close: settled });
    const captured = await captureEvents(store, () => {
      recording = go.then(() => store.publish(quotes('a')));
    });
    expect(idsOf(captured)).toBe('a');
  });

  it('refuses to go without work', async () => {
    const store = new EventStore();
    expect(await errorOf(() => captureEvents(store, [QuoteCompleted], undefined as never))).toMatchObject({
      code: 'invalid_argument',
      argument: 'work',
    });
  });
});
