import { afterEach } from '@jest/globals';
import { EventStore, memoryLog, type HandlerContext, type QueuedOptions } from 'handover';
import { QuoteCompleted, quotes } from '../store/sample-events.js';

export const queued = { to: [QuoteCompleted], run: 'queued', attempts: 3, backoff: 0 } as const;

const stores: EventStore[] = [];

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

/** A store with one worker, whose handler `view` has handled the events of these ids. */
export async function withHandled(
  ids: string,
  options: QueuedOptions,
  handle?: (context: HandlerContext) => unknown,
) {
  const store = new EventStore({ log: memoryLog() });
  stores.push(store);
  const errors: unknown[] = [];
  store.onError((error) => errors.push(error));
  const seen: string[] = [];
  const work = { handle };
  store.subscribe(
    async ({ id }, context) => {
      seen.push(`${id}${context.replaying ? '*' : ''}`);
      await work.handle?.(context);
    },
    { ...queued, ...options, name: 'view' },
  );
  await store.publish(quotes(ids));
  const worker = await store.work();
  await worker.idle();
  return { store, worker, seen, work, errors };
}

export const projection = { kind: 'projection' } as const;
