import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { assertStreamOrder, follow } from './concurrency.js';
import { assertRising } from './global-order.js';
import type { LogTests } from './log-topic.js';
import {
  appendOf,
  assertConflict,
  assertDense,
  attempt,
  failureOf,
  idsOf,
  read,
  readIds,
  store,
} from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';
import { begin } from './open-transaction.js';
import { currentOf, toldEntry } from './told-entry.js';

export function competingTransactions(tests: LogTests): void {
  visibility(tests);
  conflicts(tests);
  load(tests);
}

function visibility({ competingTest }: LogTests): void {
  competingTest('show nothing to others before they commit', async ({ log, inTransaction }) => {
    const [record, lost] = [newRecord(), newRecord()];
    const open = await begin(inTransaction);
    await open.step(() => store(log, 'a', record));
    assert.deepEqual([await readIds(log), await readIds(log, { stream: 'a' })], [[], []]);
    assert.deepEqual([await log.streamsOf(record.id), await log.positionOf(record.id)], [[], undefined]);
    assert.deepEqual(await log.searchStreams('', 10), []);
    await open.commit();
    assert.deepEqual([await readIds(log), await readIds(log, { stream: 'a' })], [[record.id], [record.id]]);
    const second = await begin(inTransaction);
    await second.step(() => store(log, 'b', lost));
    await second.rollBack();
    assert.deepEqual(await readIds(log), [record.id]);
  });

  // H1: the event recorded first is committed last.
  competingTest('never appear behind a reader that has gone on', async ({ log, inTransaction }) => {
    const [early, late] = [newRecord('Early'), newRecord('Late')];
    const slow = await begin(inTransaction);
    await slow.step(() => store(log, 'slow', early));
    await store(log, 'fast', late);
    assert.deepEqual(await readIds(log), [late.id]);
    await slow.commit();
    assert.deepEqual(await readIds(log, { after: late.id }), [early.id]);
    const all = await read(log);
    assert.deepEqual(idsOf(all), [late.id, early.id]);
    assertRising(all);
  });

  // H1, write pattern P3: the transaction that began first appends second.
  competingTest(
    'keep the order of a stream in the global order, whoever began first',
    async ({ log, inTransaction }) => {
      const first = await begin(inTransaction);
      await first.step(() => store(log, 'own', newRecord()));
      const second = await begin(inTransaction);
      await second.step(() => store(log, 'hot', newRecord()));
      await second.commit();
      await first.step(() => store(log, 'hot', newRecord()));
      await first.commit();
      assertStreamOrder(await read(log));
      await assertDense(log, 'hot', 2);
    },
  );

  competingTest('leave no hole that could be filled when they roll back', async ({ log, inTransaction }) => {
    const slow = await begin(inTransaction);
    await slow.step(() => store(log, 'a', newRecord()));
    await store(log, 'b', newRecord());
    const before = await read(log);
    await slow.rollBack();
    await store(log, 'a', newRecord());
    const after = await read(log);
    assert.deepEqual(after.slice(0, 1), before);
    assertRising(after);
    await assertDense(log, 'a', 1);
  });
}

function conflicts({ competingTest }: LogTests): void {
  // H4
  competingTest(
    'with one expected version: the second is refused and stays usable',
    async ({ log, inTransaction }) => {
      const [first, second] = [await begin(inTransaction), await begin(inTransaction)];
      await first.step(() => store(log, 'a', newRecord()));
      const refused = second.step(async () => {
        const failure = failureOf(await attempt(log, appendOf('a', newRecords(1), -1)));
        await store(log, 'b', newRecord());
        return failure;
      });
      await first.commit();
      assertConflict(await refused, { stream: 'a', expected: 'none', actual: 0 });
      await second.commit();
      await assertDense(log, 'a', 1);
      await assertDense(log, 'b', 1);
    },
  );

  competingTest(
    'with one expected version: the second succeeds when the first rolls back',
    async ({ log, inTransaction }) => {
      const [first, second] = [await begin(inTransaction), await begin(inTransaction)];
      await first.step(() => store(log, 'a', newRecord()));
      const accepted = second.step(() => attempt(log, appendOf('a', newRecords(1), -1)));
      await first.rollBack();
      assert.ok('stored' in (await accepted));
      await second.commit();
      await assertDense(log, 'a', 1);
    },
  );

  // H16
  competingTest(
    'that add to the same streams in opposite orders all commit',
    async ({ log, inTransaction }) => {
      const work = Array.from({ length: 8 }, (_, nth) =>
        inTransaction(async () => {
          const streams = nth % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a'];
          for (const stream of streams) {
            currentOf(log).add(toldEntry('', appendOf(stream, newRecords(1)), []));
            await nextTurn();
          }
        }),
      );
      await Promise.all(work);
      for (const stream of ['a', 'b', 'c']) await assertDense(log, stream, 8);
    },
  );

  competingTest('and migrations from many starters leave the log as it is', async ({ log, beside }) => {
    const record = newRecord();
    await store(log, 'a', record);
    await Promise.all([log, beside, log, beside, log].map((each) => each.migrate()));
    assert.deepEqual(await readIds(log), [record.id]);
  });
}

function load({ competingTest }: LogTests): void {
  competingTest(
    'keep stream order and hide nothing from readers that follow',
    async ({ log, beside, inTransaction }) => {
      const controller = new AbortController();
      const followers = [follow(log, 7, controller.signal), follow(beside, 4, controller.signal)];
      let kept = 0;
      const writers = Array.from({ length: 6 }, async (_, writer) => {
        for (let nth = 0; nth < 10; nth += 1) {
          const fails = (writer + nth) % 5 === 0;
          const transaction = inTransaction(async () => {
            await store(log, `own-${writer}`, newRecord());
            await nextTurn();
            await store(log, `hot-${(writer + nth) % 3}`, ...newRecords(1 + (nth % 2)));
            if (fails) throw new Error('rolled back on purpose');
          });
          if (fails) await assert.rejects(transaction, /on purpose/);
          else await transaction;
          kept += fails ? 0 : 2 + (nth % 2);
        }
      });
      await Promise.all(writers).finally(() => controller.abort());
      const all = await read(log);
      assert.equal(all.length, kept);
      for (const seen of await Promise.all(followers)) {
        assertRising(seen);
        assertStreamOrder(seen);
        assert.deepEqual(idsOf(seen), idsOf(all));
      }
    },
  );
}
