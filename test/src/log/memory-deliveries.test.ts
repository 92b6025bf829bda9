import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { memoryLog } from '../../../src/log/memory/memory-log.js';
import {
  bury,
  claim,
  claimOne,
  errorOf,
  fateOf,
  handlerOf,
  register,
  statesOf,
} from '../../../src/testing/contracts/delivery-actions.js';
import { deliveryLogContract } from '../../../src/testing/contracts/delivery-log-contract.js';
import { store } from '../../../src/testing/contracts/log-actions.js';
import { newRecord } from '../../../src/testing/contracts/new-record.js';

deliveryLogContract({
  name: 'the memory log',
  open: async () => memoryLog(),
  cannot: { competingConnections: 'it lets one transaction write at a time' },
});

/** A log whose clock stands still until it is moved. */
function logWithClock() {
  const clock = { now: 1_000_000 };
  return { clock, log: memoryLog({ clock: () => new Date(clock.now) }) };
}

describe('deliveries of the memory log', () => {
  it('are made by the commit itself', async () => {
    const log = memoryLog();
    const record = newRecord();
    await register(log, 'a');
    await store(log, 's', record);
    expect(await statesOf(log, record.id)).toEqual({ a: 'pending' });
    expect(await log.deliveries.sequence()).toBe(0);
  });

  it('read due times, leases and ends from the clock that the log was given', async () => {
    const { clock, log } = logWithClock();
    const record = newRecord();
    await register(log, 'a');
    await store(log, 's', record);
    expect((await fateOf(log, record.id, 'a')).dueAt).toEqual(new Date(1_000_000));
    const { token } = await claimOne(log, 'a', { leaseFor: 500 });
    expect((await fateOf(log, record.id, 'a')).leasedUntil).toEqual(new Date(1_000_500));
    clock.now += 100;
    await log.deliveries.renew([token], 500);
    expect((await fateOf(log, record.id, 'a')).leasedUntil).toEqual(new Date(1_000_600));
    await log.deliveries.complete([token]);
    expect((await fateOf(log, record.id, 'a')).finishedAt).toEqual(new Date(1_000_100));
  });

  it('fall due at the very millisecond', async () => {
    const { clock, log } = logWithClock();
    await register(log, 'a');
    await store(log, 's', newRecord());
    const { token } = await claimOne(log, 'a');
    await log.deliveries.fail([{ token, error: errorOf('no'), next: { kind: 'retry', inMs: 250 } }]);
    clock.now += 249;
    expect(await log.deliveries.nextDueIn(['a'])).toBe(1);
    expect(await claim(log, 'a')).toEqual([]);
    clock.now += 1;
    expect(await log.deliveries.nextDueIn(['a'])).toBe(0);
    expect(await claim(log, 'a')).toHaveLength(1);
    clock.now += 5;
    expect(await log.deliveries.nextDueIn(['a'])).toBeUndefined();
  });

  it('can be taken over from the end of the lease on, and not before', async () => {
    const { clock, log } = logWithClock();
    await register(log, handlerOf('a', { attempts: 2 }));
    const record = newRecord();
    await store(log, 's', record);
    await claimOne(log, 'a', { leaseFor: 500, worker: 'w1' });
    clock.now += 499;
    expect(await claim(log, 'a')).toEqual([]);
    clock.now += 1;
    expect(await claimOne(log, 'a', { leaseFor: 500, worker: 'w2' })).toMatchObject({ attempt: 2 });
    clock.now += 500;
    expect(await claim(log, 'a')).toEqual([]);
    expect((await fateOf(log, record.id, 'a')).lastError).toEqual({
      name: 'LeaseExpired',
      message: 'Worker w2 neither completed nor failed attempt 2 of 2 within its lease.',
      stack: undefined,
    });
  });

  it('answer with copies that nobody can spoil', async () => {
    const log = memoryLog();
    const types = ['A'];
    await register(log, handlerOf('a', { types }));
    types.push('B');
    const record = newRecord('A', { list: [1] });
    await store(log, 's', record, newRecord('B'));
    const { event, token } = await claimOne(log, 'a');
    Object.assign(event, { data: undefined });
    await log.deliveries.release([token]);
    expect((await claimOne(log, 'a')).event.data).toEqual({ list: [1] });
  });

  it('vanish with everything else that a transaction did to them', async () => {
    const log = memoryLog();
    const record = newRecord();
    await register(log, 'a');
    await store(log, 's', record);
    await bury(log, 'a');
    const transaction = log.transaction(async () => {
      await log.deliveries.retry({});
      await register(log, handlerOf('b', { from: 'beginning' }));
      expect(await statesOf(log, record.id)).toEqual({ a: 'pending', b: 'pending' });
      throw new Error('refused');
    });
    await expect(transaction).rejects.toThrow('refused');
    expect(await statesOf(log, record.id)).toEqual({ a: 'dead' });
    expect(await log.deliveries.registrations()).toHaveLength(1);
  });
});

describe('a handler that a transaction registers from the beginning', () => {
  it('gets what the transaction has recorded when it has committed', async () => {
    const log = memoryLog();
    const [before, within] = [newRecord(), newRecord()] as const;
    await store(log, 's', before);
    await log.transaction(async () => {
      await store(log, 's', within);
      await register(log, handlerOf('a', { from: 'beginning' }));
      expect(await statesOf(log, before.id)).toEqual({ a: 'pending' });
      expect(await statesOf(log, within.id)).toEqual({});
    });
    expect(await claim(log, 'a')).toMatchObject([{ event: { id: before.id } }, { event: { id: within.id } }]);
  });
});

describe('listening on the memory log', () => {
  it('wakes once for a transaction, when it has committed', async () => {
    const log = memoryLog();
    let woken = 0;
    await log.deliveries.listen(() => {
      woken += 1;
    });
    await register(log, 'a');
    await log.transaction(async () => {
      await store(log, 's', newRecord());
      await store(log, 's', newRecord());
      await Promise.resolve();
      expect(woken).toBe(0);
    });
    expect(woken).toBe(1);
  });

  it('does not wake for what was rolled back', async () => {
    const log = memoryLog();
    let woken = 0;
    await log.deliveries.listen(() => {
      woken += 1;
    });
    await register(log, 'a');
    const transaction = log.transaction(async () => {
      await store(log, 's', newRecord());
      throw new Error('refused');
    });
    await expect(transaction).rejects.toThrow('refused');
    await register(log, 'b');
    expect(woken).toBe(0);
  });

  it.each(['retried', 'released', 'backfilled'])('wakes for deliveries that are %s', async (what) => {
    const log = memoryLog();
    await register(log, 'a');
    await store(log, 's', newRecord(), newRecord());
    const [buried, held] = await claim(log, 'a');
    const dead = { token: buried?.token ?? '', error: errorOf('no'), next: { kind: 'dead' } } as const;
    await log.deliveries.fail([dead]);
    const woken = Promise.withResolvers<string>();
    await log.deliveries.listen(() => woken.resolve('woken'));
    if (what === 'retried') await log.deliveries.retry({});
    if (what === 'released') await log.deliveries.release([held?.token ?? '']);
    if (what === 'backfilled') await register(log, handlerOf('b', { from: 'beginning' }));
    expect(await woken.promise).toBe('woken');
  });

  // H18
  it('wakes outside of any transaction, in the context that began to listen', async () => {
    const log = memoryLog();
    const context = new AsyncLocalStorage<string>();
    const seen = Promise.withResolvers<unknown>();
    await register(log, 'a');
    await context.run('listener', () =>
      log.transaction(() =>
        log.deliveries.listen(() => seen.resolve([context.getStore(), log.transactions?.current()])),
      ),
    );
    await context.run('publisher', () => store(log, 's', newRecord()));
    expect(await seen.promise).toEqual(['listener', undefined]);
  });
});
