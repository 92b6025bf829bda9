import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { TransactionMismatch, TransactionTooLarge } from '../../../src/errors/log-errors.js';
import { memoryLog } from '../../../src/log/memory/memory-log.js';
import { eventLogContract } from '../../../src/testing/contracts/event-log-contract.js';
import { appendOf, queryOf, read, readIds, store } from '../../../src/testing/contracts/log-actions.js';
import { newRecord, newRecords } from '../../../src/testing/contracts/new-record.js';
import { toldEntry } from '../../../src/testing/contracts/told-entry.js';

eventLogContract({
  name: 'the memory log',
  open: async () => memoryLog(),
  cannot: { competingConnections: 'it lets one transaction write at a time' },
});

describe('the memory log', () => {
  it('gives positions from 1 without holes, across transactions and rollbacks', async () => {
    const log = memoryLog();
    await store(log, 'a', ...newRecords(2));
    await expect(log.transaction(() => store(log, 'a', newRecord()).then(refuse))).rejects.toThrow('refused');
    await log.transaction(() => store(log, 'b', newRecord()));
    await store(log, undefined, newRecord());
    expect((await read(log)).map(({ position }) => position)).toEqual([1n, 2n, 3n, 4n]);
  });

  it('stamps events with the clock it is given', async () => {
    const log = memoryLog({ clock: () => new Date(1_234) });
    await store(log, 'a', newRecord());
    expect((await read(log))[0]?.timestamp).toEqual(new Date(1_234));
  });

  it('answers what transaction() was given to do', async () => {
    expect(await memoryLog().transaction(async () => 7)).toBe(7);
  });

  it('reads a batch when it is asked for, and nothing ahead', async () => {
    const log = memoryLog();
    await store(log, 'a', ...newRecords(4));
    const [, , third] = await readIds(log);
    const batches = log.read(queryOf(), 2)[Symbol.asyncIterator]();
    await batches.next();
    await log.overwrite([newRecord('Changed', {}, { id: third ?? '' })]);
    const { value } = await batches.next();
    expect(value?.map(({ type }: { type: string }) => type)).toEqual(['Changed', 'SomethingHappened']);
  });

  it('ends a read at what was there when it began, so that a reader that writes comes to an end', async () => {
    const log = memoryLog();
    await store(log, 'a', ...newRecords(2));
    for await (const batch of log.read(queryOf({ stream: 'a' }), 1))
      await store(log, 'a', ...newRecords(batch.length));
    expect(await log.count(queryOf())).toBe(4);
  });

  it('keeps nothing of what a transaction has overwritten and then rolled back', async () => {
    const log = memoryLog();
    const record = newRecord('Old', { list: [1] });
    await store(log, 'a', record);
    const changed = log.transaction(async () => {
      await log.overwrite([{ ...record, type: 'New', data: '{"list":[2]}' }]);
      await log.link({ stream: 'b', expected: -1, eventIds: [record.id] });
      throw new Error('refused');
    });
    await expect(changed).rejects.toThrow('refused');
    expect(await read(log)).toMatchObject([{ type: 'Old', data: { list: [1] } }]);
    expect(await log.streamsOf(record.id)).toEqual(['a']);
  });
});

describe('a transaction of the memory log', () => {
  it('hides what it recorded from everybody else until it commits', async () => {
    const log = memoryLog();
    const recorded = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const transaction = log.transaction(async () => {
      await store(log, 'a', newRecord());
      recorded.resolve();
      await end.promise;
    });
    await recorded.promise;
    expect(await readIds(log)).toEqual([]);
    expect(await log.searchStreams('', 10)).toEqual([]);
    end.resolve();
    await transaction;
    expect(await readIds(log)).toHaveLength(1);
  });

  it('makes writers outside of it wait until it ends', async () => {
    const log = memoryLog();
    const journal: string[] = [];
    const opened = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const transaction = log.transaction(async () => {
      opened.resolve();
      await end.promise;
      await store(log, 'a', newRecord('Inside'));
      journal.push('inside');
    });
    await opened.promise;
    const outside = store(log, 'a', newRecord('Outside')).then(() => journal.push('outside'));
    end.resolve();
    await Promise.all([transaction, outside]);
    expect(journal).toEqual(['inside', 'outside']);
    expect((await read(log, { stream: 'a' })).map(({ type }) => type)).toEqual(['Inside', 'Outside']);
  });

  it('waits at its end for calls that nobody waits for', async () => {
    const log = memoryLog();
    await log.transaction(async () => {
      void store(log, 'a', newRecord());
      void log.transaction(() => store(log, 'a', newRecord()));
    });
    expect(await readIds(log)).toHaveLength(2);
  });

  it('keeps its own writes apart from those of a savepoint that runs beside them', async () => {
    const log = memoryLog();
    const [kept, alsoKept] = newRecords(2);
    await log.transaction(async () => {
      const savepoint = log.transaction(() => store(log, 'a', newRecord()).then(refuse));
      const beside = [kept, alsoKept].map((record) => store(log, 'a', record ?? newRecord()));
      await expect(savepoint).rejects.toThrow('refused');
      await Promise.all(beside);
    });
    expect(await readIds(log)).toEqual([kept?.id, alsoKept?.id]);
  });

  it('is not found any more by work that outlives it, which then writes on its own', async () => {
    const log = memoryLog();
    const later = await log.transaction(async () => AsyncLocalStorage.snapshot());
    expect(later(() => log.transactions?.current())).toBeUndefined();
    await later(() => store(log, 'a', newRecord()));
    expect((await read(log)).map(({ position }) => position)).toEqual([1n]);
  });

  it('takes over the work that outlives a savepoint', async () => {
    const log = memoryLog();
    await log.transaction(async () => {
      const later = await log.transaction(async () => AsyncLocalStorage.snapshot());
      await later(() => store(log, 'a', newRecord()));
      expect(await log.transactions?.outside(() => readIds(log))).toEqual([]);
    });
    expect(await readIds(log)).toHaveLength(1);
  });

  it('refuses entries once it has ended', async () => {
    const log = memoryLog();
    const entry = toldEntry('', appendOf('a', [newRecord()]), []);
    const ended = await log.transaction(async () => log.transactions?.current());
    expect(() => ended?.add(entry)).toThrow(TransactionMismatch);
    await expect(ended?.write(entry)).rejects.toThrow(TransactionMismatch);
    expect(await readIds(log)).toEqual([]);
  });

  it('refuses more events than it may hold', async () => {
    const log = memoryLog({ maxEventsPerTransaction: 3 });
    await log.transaction(async () => {
      log.transactions?.current()?.add(entryOfSize(2));
      expect(() => log.transactions?.current()?.add(entryOfSize(2))).toThrow(TransactionTooLarge);
      log.transactions?.current()?.add(entryOfSize(1));
    });
    expect(await log.count(queryOf())).toBe(3);
  });
});

function refuse(): never {
  throw new Error('refused');
}

function entryOfSize(count: number) {
  return toldEntry('', appendOf('a', newRecords(count)), []);
}
