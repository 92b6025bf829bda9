import { describe, expect, it } from '@jest/globals';
import { EventStore, memoryLog } from 'handover';
import { errorOf, quotes } from '../store/sample-events.js';
import { projection, queued, withHandled } from './handled-events.js';

describe('a replay', () => {
  it('lets a projection handle its events again, and tells it so', async () => {
    const { store, worker, seen } = await withHandled('abc', projection);
    const replay = await store.replays.start('view', { reason: 'a new column' });
    expect(replay).toMatchObject({
      handler: 'view',
      reason: 'a new column',
      total: 3,
      done: 0,
      resumed: false,
    });
    expect(await replay.finished({ every: 1 })).toEqual({ total: 3, done: 3, dead: 0 });
    expect(seen).toEqual(['a', 'b', 'c', 'a*', 'b*', 'c*']);
    await store.publish(quotes('d'));
    await worker.idle();
    expect(seen.at(-1)).toBe('d');
    await store.close();
  });

  it('begins behind a position', async () => {
    const { store, seen } = await withHandled('abc', projection);
    const replay = await store.replays.start('view', { after: await store.positionOf('b') });
    await replay.finished({ every: 1 });
    expect(seen.slice(3)).toEqual(['c*']);
    await store.close();
  });

  it('tells how far it is until it is finished, also those who find it in the list', async () => {
    const steps = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
    const begun = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
    const { store, work } = await withHandled('abc', { ...projection, concurrency: 1 });
    let nth = -1;
    work.handle = () => {
      nth += 1;
      begun[nth]?.resolve();
      return steps[nth]?.promise;
    };
    await store.replays.start('view');
    const [listed] = await store.replays.list({ handler: 'view' });
    const seen: number[] = [];
    for await (const { total, done, dead } of listed?.progress({ every: 1 }) ?? []) {
      expect([total, dead]).toEqual([3, 0]);
      if (seen.at(-1) === done) continue;
      seen.push(done);
      await begun[done]?.promise;
      steps[done]?.resolve();
    }
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(await store.replays.list({ handler: 'other' })).toEqual([]);
    await store.close();
  });

  it('goes on when it is started again, and begins anew after its end', async () => {
    const mayEnd = Promise.withResolvers<void>();
    const { store, work } = await withHandled('ab', projection);
    work.handle = () => mayEnd.promise;
    const first = await store.replays.start('view', { reason: 'first' });
    const second = await store.replays.start('view', { reason: 'second' });
    expect(second).toMatchObject({ id: first.id, reason: 'first', resumed: true });
    mayEnd.resolve();
    await second.finished({ every: 1 });
    expect((await store.replays.start('view')).resumed).toBe(false);
    expect(await store.replays.list()).toHaveLength(2);
    await store.close();
  });

  it('can be waited for until a signal says no more', async () => {
    const { store, worker } = await withHandled('a', projection);
    await worker.stop();
    const replay = await store.replays.start('view');
    const patience = new AbortController();
    const waiting = replay.finished({ signal: patience.signal });
    patience.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(replay.finished({ signal: patience.signal })).rejects.toThrow('enough');
    expect(await store.replays.list()).toMatchObject([{ total: 1, done: 0 }]);
    await store.close();
  });

  it('is finished also where some of it became dead letters', async () => {
    const { store, work } = await withHandled('ab', { ...projection, attempts: 1 });
    work.handle = ({ delivery }) => {
      if (delivery?.eventId === 'b') throw new Error('broken');
    };
    const replay = await store.replays.start('view');
    expect(await replay.finished({ every: 1 })).toEqual({ total: 2, done: 1, dead: 1 });
    expect(await store.deadLetters.list()).toMatchObject([{ eventId: 'b' }]);
    await store.close();
  });

  it('of an ordered projection keeps its order, before newer events', async () => {
    const { store, worker, seen } = await withHandled('abc', { ...projection, orderedBy: () => 'all' });
    const replay = await store.replays.start('view');
    await store.publish(quotes('d'));
    await replay.finished({ every: 1 });
    await worker.idle();
    expect(seen).toEqual(['a', 'b', 'c', 'a*', 'b*', 'c*', 'd']);
    await store.close();
  });

  it('starts and fails with the transaction around it', async () => {
    const log = memoryLog();
    const store = new EventStore({ log });
    store.subscribe(() => {}, { ...queued, ...projection, name: 'view' });
    await store.publish(quotes('a'));
    const worker = await store.work();
    await worker.idle();
    const whole = log.transaction(async () => {
      store.subscribe(() => {}, { ...queued, name: 'late' });
      await store.replays.start('view');
      throw new Error('refused');
    });
    await expect(whole).rejects.toThrow('refused');
    expect(await store.replays.list()).toEqual([]);
    await store.close();
  });
});

// H14
describe('a replay is refused', () => {
  it('to a reaction without force, because it would mail people again', async () => {
    const { store, seen } = await withHandled('a', {});
    expect(await errorOf(() => store.replays.start('view', { reason: 'why not' }))).toMatchObject({
      code: 'replay_refused',
      handlerName: 'view',
      refusal: 'reaction',
    });
    expect(await store.replays.list()).toEqual([]);
    const replay = await store.replays.start('view', {
      force: true,
      reason: 'the mails were lost; ticket 7',
    });
    await replay.finished({ every: 1 });
    expect(seen).toEqual(['a', 'a*']);
    expect(await store.replays.list()).toMatchObject([{ reason: 'the mails were lost; ticket 7' }]);
    await store.close();
  });

  it('to a handler that is not subscribed here, unless by force, and to one nobody ever registered', async () => {
    const log = memoryLog();
    const elsewhere = new EventStore({ log });
    elsewhere.subscribe(() => {}, { ...queued, ...projection, name: 'view' });
    await elsewhere.publish(quotes('a'));
    const store = new EventStore({ log });
    expect(await errorOf(() => store.replays.start('view'))).toMatchObject({ refusal: 'not-subscribed' });
    expect(await errorOf(() => store.replays.start('veiw'))).toMatchObject({ refusal: 'unknown-handler' });
    const force = { force: true, reason: 'by hand' } as const;
    expect(await errorOf(() => store.replays.start('veiw', force))).toMatchObject({
      refusal: 'unknown-handler',
    });
    expect(await store.replays.start('view', force)).toMatchObject({ handler: 'view', reason: 'by hand' });
    await store.close();
  });

  it('to a projection that was unsubscribed', async () => {
    const store = new EventStore();
    const unsubscribe = store.subscribe(() => {}, { ...queued, ...projection, name: 'view' });
    await store.publish(quotes('a'));
    unsubscribe();
    expect(await errorOf(() => store.replays.start('view'))).toMatchObject({ refusal: 'not-subscribed' });
    await store.close();
  });

  it.each([
    ['no name', (store: EventStore) => store.replays.start(''), 'handler'],
    [
      'force without a reason',
      (store: EventStore) => store.replays.start('view', { force: true } as never),
      'reason',
    ],
    ['an empty reason', (store: EventStore) => store.replays.start('view', { reason: ' ' }), 'reason'],
    [
      'a number for a position',
      (store: EventStore) => store.replays.start('view', { after: 7 as never }),
      'after',
    ],
    ['a negative position', (store: EventStore) => store.replays.start('view', { after: -1n }), 'after'],
    [
      'a position beyond all',
      (store: EventStore) => store.replays.start('view', { after: 2n ** 63n }),
      'after',
    ],
    [
      'force that is none',
      (store: EventStore) => store.replays.start('view', { force: 'yes' as never }),
      'force',
    ],
    [
      'an unknown option',
      (store: EventStore) => store.replays.start('view', { from: 7n } as never),
      'options',
    ],
    ['an unknown query', (store: EventStore) => store.replays.list({ name: 'view' } as never), 'options'],
  ])('with %s', async (_, ask, argument) => {
    const store = new EventStore();
    expect(await errorOf(() => ask(store))).toMatchObject({ code: 'invalid_argument', argument });
    await store.close();
  });

  it('with options of waiting that are none', async () => {
    const { store } = await withHandled('a', projection);
    const replay = await store.replays.start('view');
    expect(await errorOf(() => replay.finished({ every: 0 }))).toMatchObject({ argument: 'every' });
    expect(await errorOf(() => replay.finished({ signal: 7 as never }))).toMatchObject({
      argument: 'signal',
    });
    expect(await errorOf(async () => replay.progress({ evry: 5 } as never))).toMatchObject({
      argument: 'options',
    });
    await store.close();
  });
});
