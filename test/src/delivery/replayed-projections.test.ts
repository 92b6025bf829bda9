import { describe, expect, it } from '@jest/globals';
import type { EventStore } from 'handover';
import { createBus } from 'handover/legacy';
import { QuoteArchived, quotes } from '../store/sample-events.js';
import { projection, queued, withHandled } from './handled-events.js';

// H14. Seen failing without `refuseInReplay`, and with the broadcast's error only reported.
describe('a projection that is replayed', () => {
  const archive = (id: string) => new QuoteArchived({}, { id });

  it('cannot publish, and is a dead letter at once', async () => {
    const { store, work } = await withHandled('a', projection);
    work.handle = () => store.publish(archive('z'));
    const replay = await store.replays.start('view');
    expect(await replay.finished({ every: 1 })).toEqual({ total: 1, done: 0, dead: 1 });
    const [letter] = await store.deadLetters.list();
    expect(letter).toMatchObject({ attempt: 1, lastError: { name: 'PublishedInReplay' } });
    expect(await store.read.ofType(QuoteArchived).count()).toBe(0);
  });

  it.each([
    ['append', (store: EventStore) => store.append(archive('z'))],
    [
      'publish from work of its own',
      (store: EventStore) => Promise.resolve().then(() => store.publish(archive('z'))),
    ],
    [
      'publish with other metadata',
      (store: EventStore) => store.withMetadata({ a: 1 }, () => store.publish(archive('z'))),
    ],
  ])('cannot %s either', async (_, tell) => {
    const { store, work } = await withHandled('a', projection);
    const caught = Promise.withResolvers<unknown>();
    work.handle = () => tell(store).then(caught.resolve, caught.resolve);
    await store.replays.start('view');
    expect(await caught.promise).toMatchObject({
      code: 'published_in_replay',
      handlerName: 'view',
      eventType: 'QuoteArchived',
    });
  });

  it('cannot broadcast: nothing is recorded, and no listener hears it', async () => {
    const { store, work } = await withHandled('a', projection);
    const bus = createBus();
    const heard: string[] = [];
    const reported: unknown[] = [];
    bus.onError((error) => reported.push(error));
    bus.connect(store);
    bus.subscribe({ quote_seen: () => heard.push('heard') });
    class Projection extends bus.Publisher() {
      see() {
        this.broadcast('quote_seen');
      }
    }
    const caught: unknown[] = [];
    const tell = (each: () => unknown) => {
      try {
        each();
      } catch (error) {
        caught.push(error);
      }
    };
    work.handle = () => {
      tell(() => new Projection().see());
      tell(() => bus.record({}, 'quote_seen', []));
    };
    await (await store.replays.start('view')).finished({ every: 1 });
    await bus.settled();
    const refused = { code: 'published_in_replay', eventType: 'quote_seen' };
    expect(caught).toMatchObject([refused, refused]);
    expect([heard, reported]).toEqual([[], []]);
    expect(await store.read.count()).toBe(1);
  });

  it('may publish what is new to it', async () => {
    const { store } = await withHandled('', projection);
    store.subscribe((event) => store.publish(archive(`${event.id}!`)), {
      ...queued,
      ...projection,
      name: 'live',
    });
    await store.publish(quotes('a'));
    const worker = await store.work();
    await worker.idle();
    expect(await store.read.ofType(QuoteArchived).count()).toBe(1);
  });

  it('is none when it is a reaction, which may publish again by force', async () => {
    let nth = 0;
    const { store, work } = await withHandled('a', {});
    work.handle = () => store.publish(archive(`z${(nth += 1)}`));
    const replay = await store.replays.start('view', { force: true, reason: 'lost' });
    expect(await replay.finished({ every: 1 })).toEqual({ total: 1, done: 1, dead: 0 });
    expect(await store.read.ofType(QuoteArchived).count()).toBe(1);
  });
});
