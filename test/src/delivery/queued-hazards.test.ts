import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { EventStore, memoryLog } from 'handover';
import { QuoteArchived, QuoteCompleted, quotes } from '../store/sample-events.js';

const queued = { to: [QuoteCompleted], run: 'queued' } as const;
const stores: EventStore[] = [];

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  jest.restoreAllMocks();
});

function open(log = memoryLog()): EventStore {
  const store = new EventStore({ log });
  stores.push(store);
  return store;
}

describe('a poisonous event', () => {
  // H10. Seen failing with an ErrorReports that reports what a listener throws, and with runs that throw.
  it('is reported once, though the listener throws too, and stops neither other events nor other handlers', async () => {
    const store = open();
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const reports: unknown[] = [];
    store.onError((error) => {
      reports.push(error);
      throw new Error('the listener is broken, too');
    });
    const heard: string[] = [];
    store.subscribe(
      ({ id }) => {
        if (id === 'b') throw new Error('poison');
        heard.push(`one ${id}`);
      },
      { ...queued, name: 'one', attempts: 1 },
    );
    store.subscribe(({ id }) => heard.push(`other ${id}`), { ...queued, name: 'other' });
    await store.publish(quotes('abc'));
    const worker = await store.work({ concurrency: 1 });
    await worker.idle();
    await worker.idle();
    expect(heard.toSorted()).toEqual(['one a', 'one c', 'other a', 'other b', 'other c']);
    expect(reports).toMatchObject([{ code: 'handler_failed' }]);
    expect(warn).toHaveBeenCalledTimes(2);
    expect(await store.deadLetters.list()).toMatchObject([{ handler: 'one', attempt: 1 }]);
  });
});

describe('old and new code on one log', () => {
  // H13. Seen failing with a Claiming that asks for all handlers the log knows: the old process takes the new ones, and never rests.
  it('leave each other what only one of them knows, and nothing is lost', async () => {
    const log = memoryLog();
    const [old, fresh] = [open(log), open(log)];
    const heard: string[] = [];
    const hear = (who: string) => (event: { id: string }) => heard.push(`${who} ${event.id}`);
    old.subscribe(hear('removed'), { ...queued, name: 'removed' });
    old.subscribe(hear('kept, old code'), { ...queued, name: 'kept' });
    fresh.subscribe(hear('kept, new code'), { ...queued, to: [QuoteCompleted, QuoteArchived], name: 'kept' });
    fresh.subscribe(hear('added'), { ...queued, name: 'added' });
    await fresh.publish([]);
    const newWorker = await fresh.work();
    await newWorker.idle();
    const oldWorker = await old.work();
    await oldWorker.stop();
    await newWorker.idle();
    await fresh.publish([...quotes('a'), new QuoteArchived({}, { id: 'archived' })]);
    await newWorker.idle();
    await newWorker.stop();
    expect(heard.toSorted()).toEqual(['added a', 'kept, new code a']);

    const why = await fresh.why('a');
    expect(why.handlers.map(({ handler, state }) => `${handler}: ${state}`)).toEqual([
      'added: done',
      'kept: done',
      'removed: pending',
    ]);
    expect(why.text).toMatch(/removed .*not subscribed in this process/);

    const last = await old.work();
    await last.idle();
    expect(heard.toSorted()).toEqual(['added a', 'kept, new code a', 'removed a']);
  });
});
