import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  DuplicateEvent,
  TransactionMismatch,
  TransactionTooLarge,
  WrongExpectedVersion,
} from '../../../src/errors/log-errors.js';
import type { Append, AppendOutcome } from '../../../src/log/event-log.js';
import { TransactionScope } from '../../../src/log/transaction-scope.js';
import type { TransactionEntry } from '../../../src/log/transactions.js';
import { newRecords } from '../../../src/testing/contracts/new-record.js';

/** A database that numbers the events of all streams in one row and answers when it is told to. */
class FakeDatabase {
  readonly statements: string[][] = [];
  readonly refused = new Map<string, WrongExpectedVersion | DuplicateEvent>();
  overlapped = false;
  gate: Promise<void> = Promise.resolve();
  #version = 0;
  #busy = false;

  readonly write = async (appends: readonly Append[]): Promise<readonly AppendOutcome[]> => {
    this.overlapped ||= this.#busy;
    this.#busy = true;
    this.statements.push(appends.map((append) => append.stream ?? ''));
    await this.gate;
    this.#busy = false;
    return appends.map((append) => this.#answer(append));
  };

  #answer({ stream, records }: Append): AppendOutcome {
    const failure = this.refused.get(stream ?? '');
    if (failure !== undefined) return { failure };
    const firstVersion = this.#version;
    this.#version += records.length;
    return { stored: { firstVersion, timestamp: new Date(0) } };
  }
}

let database: FakeDatabase;
let journal: string[];
let root: TransactionScope;

beforeEach(() => {
  database = new FakeDatabase();
  journal = [];
  root = new TransactionScope(database.write, 100);
});

/** An append to a stream of the entry's name. */
function entry(name: string, count = 1): TransactionEntry {
  return {
    append: { stream: name, expected: undefined, records: newRecords(count) },
    written: (stored) => void journal.push(`${name} at ${stored.firstVersion}`),
    committed: () => void journal.push(`${name} committed`),
    rolledBack: () => void journal.push(`${name} rolled back`),
  };
}

const conflict = new WrongExpectedVersion('refused', 3, 7);

describe('a transaction scope', () => {
  it('writes what was added with the first flush, in one statement and in order', async () => {
    root.add(entry('b'));
    root.add(entry('a', 2));
    root.add(entry('c'));
    expect([root.isWritten, database.statements]).toEqual([false, []]);
    await root.flush();
    expect(database.statements).toEqual([['b', 'a', 'c']]);
    expect(journal).toEqual(['b at 0', 'a at 1', 'c at 3']);
    expect(root.isWritten).toBe(true);
  });

  it('asks the database for nothing when nothing waits', async () => {
    await root.flush();
    root.add(entry('a'));
    await root.flush();
    await root.flush();
    expect(database.statements).toEqual([['a']]);
  });

  it('tells whether it has recorded anything, and which events', async () => {
    expect(root.recordedNothing).toBe(true);
    const [added, written] = [entry('a', 2), entry('b')];
    root.add(added);
    await root.write(written);
    expect(root.recordedNothing).toBe(false);
    const records = [...added.append.records, ...written.append.records];
    expect(root.eventIds()).toEqual(records.map(({ id }) => id));
  });

  it('tells its entries of the commit in the order in which they were recorded, one after the other', async () => {
    const first = {
      ...entry('a'),
      committed: () => Promise.resolve().then(() => void journal.push('a, slowly')),
    };
    root.add(first);
    await root.write(entry('b'));
    root.add(entry('c'));
    await root.flush();
    journal.length = 0;
    await root.commit();
    expect(journal).toEqual(['a, slowly', 'b committed', 'c committed']);
    await root.commit();
    expect(journal).toHaveLength(3);
  });

  it('tells its entries of the rollback, written or not', async () => {
    await root.write(entry('a'));
    root.add(entry('b'));
    root.rollBack();
    expect(journal).toEqual(['a at 0', 'a rolled back', 'b rolled back']);
    expect(root.recordedNothing).toBe(true);
  });
});

describe('a write in a transaction scope', () => {
  it('takes along what was added before it', async () => {
    root.add(entry('a'));
    await root.write(entry('b'));
    expect(database.statements).toEqual([['a', 'b']]);
    expect(journal).toEqual(['a at 0', 'b at 1']);
  });

  it('leaves the entry out of the transaction when it is refused, and what was added in it', async () => {
    database.refused.set('refused', conflict);
    root.add(entry('a'));
    await expect(root.write(entry('refused'))).rejects.toBe(conflict);
    await root.write(entry('b'));
    await root.commit();
    expect(journal).toEqual(['a at 0', 'b at 1', 'a committed', 'b committed']);
  });

  it('waits for the one before it', async () => {
    const answer = Promise.withResolvers<void>();
    database.gate = answer.promise;
    const writes = ['a', 'b', 'c'].map((name) => root.write(entry(name)));
    const flushed = root.flush();
    answer.resolve();
    await Promise.all([...writes, flushed]);
    expect(database.statements).toEqual([['a'], ['b'], ['c']]);
    expect(database.overlapped).toBe(false);
  });

  it('waits for the one before it across savepoints, which share the connection', async () => {
    const answer = Promise.withResolvers<void>();
    database.gate = answer.promise;
    const writes = [
      root.write(entry('a')),
      root.nested().write(entry('b')),
      root.nested().nested().write(entry('c')),
    ];
    answer.resolve();
    await Promise.all(writes);
    expect(database.overlapped).toBe(false);
  });

  it('goes on after one that was refused or lost its connection', async () => {
    database.refused.set('refused', conflict);
    const lost = new Error('connection lost');
    const once = database.gate;
    database.gate = Promise.reject(lost);
    await expect(root.write(entry('a'))).rejects.toBe(lost);
    database.gate = once;
    await expect(root.write(entry('refused'))).rejects.toBe(conflict);
    await root.write(entry('b'));
    expect(journal).toEqual(['b at 0']);
  });

  it('keeps its place before what was added while it was in flight', async () => {
    const answer = Promise.withResolvers<void>();
    database.gate = answer.promise;
    const write = root.write(entry('first'));
    await Promise.resolve();
    root.add(entry('second'));
    answer.resolve();
    await write;
    await root.flush();
    journal.length = 0;
    await root.commit();
    expect(journal).toEqual(['first committed', 'second committed']);
  });

  it('is waited for by a flush, so that no commit overtakes it', async () => {
    const answer = Promise.withResolvers<void>();
    database.gate = answer.promise;
    const write = root.write(entry('a'));
    const flushed = root.flush().then(() => journal.push('flushed'));
    answer.resolve();
    await Promise.all([write, flushed]);
    expect(journal).toEqual(['a at 0', 'flushed']);
  });

  it('fails when the transaction rolls back beneath it, and its entry hears nothing', async () => {
    const answer = Promise.withResolvers<void>();
    database.gate = answer.promise;
    const write = root.write(entry('a'));
    await Promise.resolve();
    root.rollBack();
    answer.resolve();
    await expect(write).rejects.toThrow(TransactionMismatch);
    expect(journal).toEqual([]);
  });
});

describe('an added entry that the database refuses', () => {
  const twin = new DuplicateEvent('e1');

  beforeEach(() => {
    database.refused.set('twin', twin);
  });

  it('fails each flush, so that the transaction cannot commit without it', async () => {
    root.add(entry('twin'));
    await expect(root.flush()).rejects.toBe(twin);
    await expect(root.flush()).rejects.toBe(twin);
    expect(root.isWritten).toBe(false);
  });

  it('does not make those behind it be written twice', async () => {
    root.add(entry('twin'));
    root.add(entry('a'));
    await expect(root.write(entry('b'))).rejects.toBe(twin);
    await expect(root.flush()).rejects.toBe(twin);
    expect(database.statements).toEqual([['twin', 'a', 'b'], ['twin']]);
    expect(journal).toEqual(['a at 0', 'b at 1']);
  });

  it('is dropped with its savepoint', async () => {
    const savepoint = root.nested();
    savepoint.add(entry('twin'));
    await expect(savepoint.flush()).rejects.toBe(twin);
    savepoint.rollBack();
    await root.flush();
    expect(journal).toEqual(['twin rolled back']);
  });
});

// H6
describe('a savepoint', () => {
  it('hands its entries to its parent when it is released, and tells nobody yet', async () => {
    const savepoint = root.nested();
    await savepoint.write(entry('written'));
    savepoint.add(entry('added'));
    savepoint.release();
    expect(journal).toEqual(['written at 0']);
    await root.flush();
    await root.commit();
    expect(database.statements).toEqual([['written'], ['added']]);
    expect(journal.slice(2)).toEqual(['written committed', 'added committed']);
  });

  it('drops its entries when it rolls back, and those of savepoints released into it', async () => {
    root.add(entry('outer'));
    const savepoint = root.nested();
    const inner = savepoint.nested();
    await inner.write(entry('inner'));
    inner.release();
    savepoint.add(entry('own'));
    journal.length = 0;
    savepoint.rollBack();
    expect(journal).toEqual(['inner rolled back', 'own rolled back']);
    expect(root.recordedNothing).toBe(false);
  });

  it('writes what its parents have added first', async () => {
    root.add(entry('outer'));
    const savepoint = root.nested();
    savepoint.add(entry('middle'));
    await savepoint.nested().write(entry('inner'));
    expect(database.statements).toEqual([['outer', 'middle', 'inner']]);
  });

  it('makes what it wrote for its parents wait again when it rolls back', async () => {
    root.add(entry('outer'));
    const savepoint = root.nested();
    await savepoint.write(entry('inner'));
    expect(root.isWritten).toBe(true);
    savepoint.rollBack();
    expect(root.isWritten).toBe(false);
    await root.flush();
    await root.commit();
    expect(database.statements).toEqual([['outer', 'inner'], ['outer']]);
    expect(journal).toEqual([
      'outer at 0',
      'inner at 1',
      'inner rolled back',
      'outer at 2',
      'outer committed',
    ]);
  });

  it('leaves what it wrote for its parents written when it is released', async () => {
    root.add(entry('outer'));
    const savepoint = root.nested();
    await savepoint.flush();
    savepoint.release();
    await root.flush();
    expect(database.statements).toEqual([['outer']]);
  });

  it('makes it wait again when a savepoint around it rolls back later', async () => {
    root.add(entry('outer'));
    const middle = root.nested();
    const inner = middle.nested();
    await inner.write(entry('inner'));
    inner.release();
    expect(root.isWritten).toBe(true);
    middle.rollBack();
    expect(root.isWritten).toBe(false);
    await root.flush();
    expect(database.statements).toEqual([['outer', 'inner'], ['outer']]);
  });

  it('does not touch what its parent had written itself', async () => {
    await root.write(entry('outer'));
    const savepoint = root.nested();
    await savepoint.write(entry('inner'));
    savepoint.rollBack();
    await root.flush();
    expect(database.statements).toEqual([['outer'], ['inner']]);
  });
});

describe('the end of a scope', () => {
  const ends: readonly (readonly [string, (scope: TransactionScope) => unknown])[] = [
    ['commit', (scope) => scope.commit()],
    ['rollback', (scope) => scope.rollBack()],
    ['release', (scope) => scope.release()],
  ];

  it.each(ends)('by %s takes no more entries, which nobody would ever write', async (_, end) => {
    const scope = root.nested();
    await end(scope);
    expect(() => scope.add(entry('late'))).toThrow(TransactionMismatch);
    await expect(scope.write(entry('late'))).rejects.toThrow(TransactionMismatch);
    expect(database.statements).toEqual([]);
  });
});

describe('a doomed scope', () => {
  it('throws the first reason, whatever that is', () => {
    root.throwIfDoomed();
    root.doom(undefined);
    root.doom(new Error('later'));
    const caught = (() => {
      try {
        root.throwIfDoomed();
      } catch (error) {
        return { error };
      }
      return undefined;
    })();
    expect(caught).toEqual({ error: undefined });
  });

  it('dooms its parent when it is released', () => {
    const savepoint = root.nested();
    savepoint.doom(new Error('broken'));
    root.throwIfDoomed();
    savepoint.release();
    expect(() => root.throwIfDoomed()).toThrow('broken');
  });

  it('dooms nobody when it rolls back', () => {
    const savepoint = root.nested();
    savepoint.doom(new Error('broken'));
    savepoint.rollBack();
    root.throwIfDoomed();
    expect(root.recordedNothing).toBe(true);
  });
});

describe('the limit of a transaction', () => {
  beforeEach(() => {
    root = new TransactionScope(database.write, 4);
  });

  it('is reached by the events of all entries together, and the refused one is left out', async () => {
    root.add(entry('a', 2));
    await root.write(entry('b', 1));
    expect(() => root.add(entry('c', 2))).toThrow(TransactionTooLarge);
    await expect(root.write(entry('d', 2))).rejects.toThrow(TransactionTooLarge);
    await root.write(entry('e', 1));
    await root.commit();
    expect(journal.filter((line) => line.endsWith('committed'))).toEqual([
      'a committed',
      'b committed',
      'e committed',
    ]);
  });

  it('counts those of its savepoints, released or open, but not rolled back', async () => {
    const rolledBack = root.nested();
    rolledBack.add(entry('a', 4));
    rolledBack.rollBack();
    const released = root.nested();
    released.add(entry('b', 2));
    released.release();
    const open = root.nested();
    open.add(entry('c', 1));
    expect(() => open.add(entry('d', 2))).toThrow(TransactionTooLarge);
    open.add(entry('e', 1));
  });

  it('holds for writes that are asked for at once', async () => {
    const writes = ['a', 'b', 'c'].map((name) => root.write(entry(name, 2)));
    const settled = await Promise.allSettled(writes);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  });
});
