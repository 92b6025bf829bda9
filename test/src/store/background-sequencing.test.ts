import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { defineEvent, EventStore, memoryLog, type EventLog } from 'handover';

class Noted extends defineEvent<{ note: number }>('Noted') {}

const request = new AsyncLocalStorage<string>();
let store: EventStore;

afterEach(() => store.close());

/** A log that tells when it is asked to sequence. */
function watched(log: EventLog, sequence?: () => Promise<number>) {
  const calls: (string | undefined)[] = [];
  let told = Promise.withResolvers<void>();
  const { deliveries } = log;
  if (deliveries === undefined) throw new Error('This log keeps no deliveries.');
  const sequencing = async () => {
    calls.push(request.getStore());
    const moved = await (sequence?.() ?? deliveries.sequence());
    told.resolve();
    told = Promise.withResolvers();
    return moved;
  };
  return {
    log: { ...log, deliveries: { ...deliveries, sequence: sequencing } },
    calls,
    next: () => told.promise,
  };
}

const registration = {
  name: 'elsewhere',
  types: ['Noted'],
  from: 'now',
  attempts: 3,
  ordered: false,
} as const;

describe('a process without workers', () => {
  it('sequences what it publishes at once when a handler is registered by anybody', async () => {
    const log = memoryLog();
    await log.deliveries?.register([registration]);
    const { log: own, next } = watched(log);
    store = new EventStore({ log: own });
    const sequenced = next();
    const [event] = await store.publish(new Noted({ note: 1 }));
    await sequenced;
    expect(await log.deliveries?.fatesOf(event?.id ?? '')).toMatchObject([{ state: 'pending' }]);
  });

  // Seen failing without the timer for what nobody waits for.
  it('sequences what it publishes after a while when nobody has a handler', async () => {
    const { log, calls, next } = watched(memoryLog());
    store = new EventStore({ log });
    const sequenced = next();
    await store.publish(new Noted({ note: 1 }));
    await store.publish(new Noted({ note: 2 }));
    expect(calls).toHaveLength(0);
    await sequenced;
    expect(calls).toHaveLength(1);
  });

  // H18. Seen failing without leaving the async context of the caller.
  it('does so in no async context of a caller', async () => {
    const log = memoryLog();
    await log.deliveries?.register([registration]);
    const { log: own, calls, next } = watched(log);
    store = new EventStore({ log: own });
    for (const name of ['first', 'second']) {
      const sequenced = next();
      await request.run(name, () => store.publish(new Noted({ note: 1 })));
      await sequenced;
    }
    expect(new Set(calls)).toEqual(new Set([undefined]));
  });

  it('reports what fails there, and goes on with the next event', async () => {
    const log = memoryLog();
    await log.deliveries?.register([registration]);
    let failures = 1;
    const { log: own, next } = watched(log, async () => {
      if (failures > 0) {
        failures -= 1;
        throw new Error('out of order');
      }
      return 0;
    });
    store = new EventStore({ log: own });
    const failure = Promise.withResolvers<unknown>();
    store.onError(failure.resolve);
    await store.publish(new Noted({ note: 1 }));
    await expect(failure.promise).resolves.toMatchObject({ message: 'out of order' });
    const sequenced = next();
    await store.publish(new Noted({ note: 2 }));
    await sequenced;
  });

  it('sequences before it has closed what somebody waits for', async () => {
    const log = memoryLog();
    await log.deliveries?.register([registration]);
    const { log: own } = watched(log);
    store = new EventStore({ log: own });
    const published = await store.publish([1, 2, 3].map((note) => new Noted({ note })));
    await store.publish(new Noted({ note: 4 }));
    await store.close();
    const fates = await Promise.all(published.map((event) => log.deliveries?.fatesOf(event.id)));
    expect(fates.flat()).toHaveLength(3);
  });

  // Seen failing without looking whether the log is open.
  it('leaves a log alone that was closed by somebody else', async () => {
    const log = memoryLog();
    await log.deliveries?.register([registration]);
    const asked = Promise.withResolvers<void>();
    const { log: own, calls } = watched(log);
    store = new EventStore({
      log: {
        ...own,
        isOpen: () => {
          asked.resolve();
          return false;
        },
      },
    });
    await store.publish(new Noted({ note: 1 }));
    await asked.promise;
    await store.close();
    expect(calls).toHaveLength(0);
  });
});
