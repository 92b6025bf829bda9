import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import { appendOf, assertDense, idsOf, readIds, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';
import { isRegret, regret } from './regret.js';
import { currentOf, toldEntry } from './told-entry.js';

// H6
export function savepoints(tests: LogTests): void {
  nesting(tests);
  entries(tests);
}

function nesting({ transactionTest }: LogTests): void {
  transactionTest('commit with the transaction around them', async ({ log, inTransaction }) => {
    const records = newRecords(3);
    await inTransaction(async () => {
      await store(log, 'a', ...records.slice(0, 1));
      const answer = await inTransaction(async () => {
        await store(log, 'a', ...records.slice(1, 2));
        return 'inner';
      });
      assert.equal(answer, 'inner');
      await store(log, 'a', ...records.slice(2));
    });
    assert.deepEqual(await readIds(log, { stream: 'a' }), idsOf(records));
    await assertDense(log, 'a', 3);
  });

  transactionTest('roll back alone', async ({ log, inTransaction }) => {
    const [first, last] = [newRecord(), newRecord()];
    await inTransaction(async () => {
      await store(log, 'a', first);
      const inner = inTransaction(async () => {
        await store(log, 'a', newRecord());
        await store(log, 'b', newRecord());
        await log.link({ stream: 'c', expected: -1, eventIds: [first.id] });
        throw regret;
      });
      await assert.rejects(inner, isRegret);
      assert.deepEqual(await readIds(log, { stream: 'a' }), [first.id]);
      assert.deepEqual(await log.searchStreams('', 10), ['a']);
      assert.equal((await store(log, 'a', last)).firstVersion, 1);
    });
    assert.deepEqual(await readIds(log), [first.id, last.id]);
    await assertDense(log, 'a', 2);
  });

  transactionTest(
    'vanish with the transaction around them, released or not',
    async ({ log, inTransaction }) => {
      const outer = inTransaction(async () => {
        await inTransaction(() => store(log, 'a', newRecord()));
        await inTransaction(() => inTransaction(() => store(log, 'b', newRecord())));
        throw regret;
      });
      await assert.rejects(outer, isRegret);
      assert.deepEqual(await readIds(log), []);
      assert.deepEqual(await log.searchStreams('', 10), []);
    },
  );

  transactionTest('roll back with all released within them', async ({ log, inTransaction }) => {
    const [outermost, middle] = [newRecord(), newRecord()];
    await inTransaction(async () => {
      await store(log, 'a', outermost);
      const rolledBack = inTransaction(async () => {
        await store(log, 'a', middle);
        await inTransaction(() => store(log, 'a', newRecord()));
        assert.equal((await readIds(log, { stream: 'a' })).length, 3);
        throw regret;
      });
      await assert.rejects(rolledBack, isRegret);
      await inTransaction(() => store(log, 'a', middle));
    });
    assert.deepEqual(await readIds(log, { stream: 'a' }), [outermost.id, middle.id]);
  });
}

function entries({ transactionTest }: LogTests): void {
  transactionTest(
    'tell of the commit once the outermost has happened, and of the rollback at once',
    async ({ log, inTransaction }) => {
      const journal: string[] = [];
      const add = (name: string) =>
        currentOf(log).add(toldEntry(name, appendOf('a', newRecords(1)), journal));
      await inTransaction(async () => {
        add('outer');
        await inTransaction(async () => add('released'));
        const dropped = inTransaction(async () => {
          add('dropped');
          throw regret;
        });
        await assert.rejects(dropped, isRegret);
        assert.ok(journal.includes('dropped rolled back'));
        assert.ok(!journal.some((line) => line.endsWith('committed')), 'nothing is committed yet');
        add('last');
      });
      assert.deepEqual(
        journal.filter((line) => !line.includes('written')),
        ['dropped rolled back', 'outer committed', 'released committed', 'last committed'],
      );
      await assertDense(log, 'a', 3);
    },
  );

  transactionTest('tell of the rollback when the outermost rolls back', async ({ log, inTransaction }) => {
    const journal: string[] = [];
    const outer = inTransaction(async () => {
      await inTransaction(async () => {
        await currentOf(log).write(toldEntry('inner', appendOf('a', newRecords(1), -1), journal));
      });
      throw regret;
    });
    await assert.rejects(outer, isRegret);
    assert.deepEqual(journal, ['inner written at 0', 'inner rolled back']);
  });

  transactionTest(
    'take nothing of the outer transaction with them when they roll back',
    async ({ log, inTransaction }) => {
      const journal: string[] = [];
      const [waiting, last] = [newRecord(), newRecord()];
      await inTransaction(async () => {
        currentOf(log).add(toldEntry('waiting', appendOf('a', [waiting]), journal));
        const inner = inTransaction(async () => {
          await currentOf(log).write(toldEntry('inner', appendOf('a', newRecords(1), 0), journal));
          assert.equal((await readIds(log, { stream: 'a' })).length, 2);
          throw regret;
        });
        await assert.rejects(inner, isRegret);
        await currentOf(log).write(toldEntry('last', appendOf('a', [last], 0), journal));
      });
      assert.deepEqual(await readIds(log, { stream: 'a' }), [waiting.id, last.id]);
      assert.deepEqual(journal.slice(-3), ['last written at 1', 'waiting committed', 'last committed']);
      assert.ok(!journal.includes('waiting rolled back'));
      await assertDense(log, 'a', 2);
    },
  );

  transactionTest(
    'doom the transaction around them, unless they roll back',
    async ({ log, inTransaction }) => {
      const doomed = inTransaction(async () => {
        await store(log, 'a', newRecord());
        await inTransaction(async () => currentOf(log).doom(regret));
      });
      await assert.rejects(doomed, isRegret);
      assert.deepEqual(await readIds(log), []);
      await inTransaction(async () => {
        await store(log, 'a', newRecord());
        const inner = inTransaction(async () => {
          currentOf(log).doom(new Error('forgotten'));
          throw regret;
        });
        await assert.rejects(inner, isRegret);
      });
      await assertDense(log, 'a', 1);
    },
  );
}
