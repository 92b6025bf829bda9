import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import {
  appendOf,
  assertConflict,
  assertDense,
  assertDuplicate,
  idsOf,
  read,
  readIds,
  store,
} from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';
import { isRegret, regret } from './regret.js';
import { currentOf, toldEntry } from './told-entry.js';

export function transactionEntries(tests: LogTests): void {
  added(tests);
  written(tests);
  ended(tests);
}

function added({ transactionTest }: LogTests): void {
  transactionTest(
    'is written in the order added, and told of the commit in that order',
    async ({ log, inTransaction }) => {
      const journal: string[] = [];
      const records = newRecords(4);
      await inTransaction(async () => {
        for (const [nth, record] of records.entries()) {
          const stream = nth % 2 === 0 ? 'b' : 'a';
          currentOf(log).add(toldEntry(`${nth}`, appendOf(stream, [record]), journal));
        }
        assert.deepEqual(journal, []);
      });
      assert.deepEqual(journal, [
        '0 written at 0',
        '1 written at 0',
        '2 written at 1',
        '3 written at 1',
        '0 committed',
        '1 committed',
        '2 committed',
        '3 committed',
      ]);
      assert.deepEqual(await readIds(log), idsOf(records));
    },
  );

  transactionTest('is found by a read although it was only added', async ({ log, inTransaction }) => {
    const [first, second] = [newRecord(), newRecord()];
    await inTransaction(async () => {
      currentOf(log).add(toldEntry('first', appendOf('a', [first]), []));
      assert.deepEqual(await readIds(log, { stream: 'a' }), [first.id]);
      currentOf(log).add(toldEntry('second', appendOf('a', [second]), []));
      assert.equal(await log.versionIn('a', second.id), 1);
    });
    assert.deepEqual(await readIds(log), [first.id, second.id]);
  });

  transactionTest(
    'stands before what the log is asked to write afterwards',
    async ({ log, inTransaction }) => {
      const [waiting, direct] = [newRecord(), newRecord()];
      await inTransaction(async () => {
        currentOf(log).add(toldEntry('waiting', appendOf('a', [waiting]), []));
        assert.equal((await store(log, 'a', direct)).firstVersion, 1);
        await log.link({ stream: 'b', expected: -1, eventIds: [waiting.id] });
      });
      assert.deepEqual(await readIds(log, { stream: 'a' }), [waiting.id, direct.id]);
      assert.deepEqual(await log.streamsOf(waiting.id), ['a', 'b']);
    },
  );

  transactionTest('fails the commit when it is a duplicate', async ({ log, inTransaction }) => {
    const journal: string[] = [];
    const record = newRecord();
    await store(log, 'a', record);
    const doomed = inTransaction(async () => {
      currentOf(log).add(toldEntry('good', appendOf('b', [newRecord()]), journal));
      currentOf(log).add(toldEntry('twin', appendOf('b', [record]), journal));
    });
    await assert.rejects(doomed, (error) => assertDuplicate(error, record.id));
    assert.deepEqual(await readIds(log), [record.id]);
    assert.deepEqual(journal.slice(-2), ['good rolled back', 'twin rolled back']);
  });
}

function written({ transactionTest }: LogTests): void {
  transactionTest(
    'is written at once when an answer is wanted, behind what was added',
    async ({ log, inTransaction }) => {
      const journal: string[] = [];
      await inTransaction(async () => {
        currentOf(log).add(toldEntry('added', appendOf('a', newRecords(2)), journal));
        await currentOf(log).write(toldEntry('checked', appendOf('a', newRecords(1), 1), journal));
        assert.deepEqual(journal, ['added written at 0', 'checked written at 2']);
      });
      assert.deepEqual(journal.slice(2), ['added committed', 'checked committed']);
      await assertDense(log, 'a', 3);
    },
  );

  transactionTest('is written by a flush', async ({ log, inTransaction }) => {
    const journal: string[] = [];
    await inTransaction(async () => {
      currentOf(log).add(toldEntry('added', appendOf('a', newRecords(1)), journal));
      await currentOf(log).flush();
      assert.deepEqual(journal, ['added written at 0']);
      await currentOf(log).flush();
      assert.deepEqual(journal, ['added written at 0']);
    });
    await assertDense(log, 'a', 1);
  });

  transactionTest(
    'is told of nothing when its version was wrong, and the transaction goes on',
    async ({ log, inTransaction }) => {
      const journal: string[] = [];
      await inTransaction(async () => {
        currentOf(log).add(toldEntry('added', appendOf('a', newRecords(1)), journal));
        const refused = currentOf(log).write(toldEntry('refused', appendOf('a', newRecords(1), -1), journal));
        await assert.rejects(refused, (error) =>
          assertConflict(error, { stream: 'a', expected: 'none', actual: 0 }),
        );
        await currentOf(log).write(toldEntry('checked', appendOf('a', newRecords(1), 0), journal));
      });
      assert.deepEqual(journal, [
        'added written at 0',
        'checked written at 1',
        'added committed',
        'checked committed',
      ]);
      await assertDense(log, 'a', 2);
    },
  );

  transactionTest(
    'is refused as a duplicate, and the transaction goes on',
    async ({ log, inTransaction }) => {
      const record = newRecord();
      await store(log, 'a', record);
      await inTransaction(async () => {
        const refused = currentOf(log).write(toldEntry('twin', appendOf('a', [record], 0), []));
        await assert.rejects(refused, (error) => assertDuplicate(error, record.id));
        await currentOf(log).write(toldEntry('checked', appendOf('a', newRecords(1), 0), []));
      });
      await assertDense(log, 'a', 2);
    },
  );

  transactionTest(
    'is written one after the other when several are asked for at once',
    async ({ log, inTransaction }) => {
      await inTransaction(async () => {
        const transaction = currentOf(log);
        const writes = newRecords(8).map((record, nth) =>
          transaction.write(toldEntry(`${nth}`, appendOf('a', [record], nth - 1), [])),
        );
        await Promise.all(writes);
      });
      await assertDense(log, 'a', 8);
    },
  );
}

function ended({ transactionTest }: LogTests): void {
  transactionTest('is told of the rollback, written or not', async ({ log, inTransaction }) => {
    const journal: string[] = [];
    const rolledBack = inTransaction(async () => {
      await currentOf(log).write(toldEntry('checked', appendOf('a', newRecords(1), -1), journal));
      currentOf(log).add(toldEntry('added', appendOf('a', newRecords(1)), journal));
      throw regret;
    });
    await assert.rejects(rolledBack, isRegret);
    assert.deepEqual(journal, ['checked written at 0', 'checked rolled back', 'added rolled back']);
    assert.deepEqual(await readIds(log), []);
  });

  transactionTest(
    'is told of the commit when others can read it, and the commit waits for it',
    async ({ log, inTransaction }) => {
      const record = newRecord();
      const seen: unknown[] = [];
      await inTransaction(async () => {
        currentOf(log).add({
          ...toldEntry('', appendOf('a', [record]), []),
          committed: async () => {
            const found = await log.transactions?.outside(() => read(log));
            seen.push(...(found ?? []).map(({ id, version }) => [id, version]));
          },
        });
      });
      assert.deepEqual(seen, [[record.id, 0]]);
    },
  );

  // H18
  transactionTest(
    'can be recorded by a new transaction when told of the commit',
    async ({ log, inTransaction }) => {
      await inTransaction(async () => {
        currentOf(log).add({
          ...toldEntry('', appendOf('a', newRecords(1)), []),
          committed: async () => {
            await log.transactions?.outside(() => store(log, 'a', newRecord()));
            await log.transactions?.outside(() => log.transactions?.run(() => store(log, 'a', newRecord())));
          },
        });
      });
      await assertDense(log, 'a', 3);
    },
  );

  transactionTest(
    'vanishes with a doomed transaction, whose commit fails with the reason',
    async ({ log, inTransaction }) => {
      const journal: string[] = [];
      const doomed = inTransaction(async () => {
        await currentOf(log).write(toldEntry('checked', appendOf('a', newRecords(1), -1), journal));
        currentOf(log).doom(regret);
        currentOf(log).doom(new Error('too late'));
        currentOf(log).add(toldEntry('added', appendOf('a', newRecords(1)), journal));
      });
      await assert.rejects(doomed, isRegret);
      assert.deepEqual(journal.slice(-2), ['checked rolled back', 'added rolled back']);
      assert.ok(!journal.some((line) => line.endsWith('committed')));
      assert.deepEqual(await readIds(log), []);
    },
  );
}
