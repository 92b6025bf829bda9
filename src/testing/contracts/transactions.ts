import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import {
  appendOf,
  assertConflict,
  assertDense,
  assertDuplicate,
  assertNotFound,
  attempt,
  failureOf,
  idsOf,
  queryOf,
  read,
  readIds,
  store,
  storedOf,
} from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';
import { isRegret, regret } from './regret.js';
import { currentOf } from './told-entry.js';

export function transactions(tests: LogTests): void {
  outcomes(tests);
  ownWrites(tests);
  failures(tests);
  context(tests);
}

function outcomes({ transactionTest }: LogTests): void {
  transactionTest('keep what they recorded when they commit', async ({ log, inTransaction }) => {
    const records = newRecords(3);
    const answer = await inTransaction(async () => {
      assert.equal((await store(log, 'a', ...records.slice(0, 2))).firstVersion, 0);
      assert.equal((await store(log, 'a', ...records.slice(2))).firstVersion, 2);
      return 'done';
    });
    assert.equal(answer, 'done');
    assert.deepEqual(await readIds(log), idsOf(records));
    await assertDense(log, 'a', 3);
    assert.ok((await read(log)).every(({ position }) => position !== undefined));
  });

  transactionTest('leave no trace when they roll back', async ({ log, inTransaction }) => {
    const record = newRecord();
    await store(log, 'a', record);
    const lost = newRecord();
    const rolledBack = inTransaction(async () => {
      await store(log, 'a', lost);
      await store(log, 'b', newRecord());
      await store(log, undefined, newRecord());
      throw regret;
    });
    await assert.rejects(rolledBack, isRegret);
    assert.deepEqual(await readIds(log), [record.id]);
    assert.deepEqual(await log.searchStreams('', 10), ['a']);
    assert.equal(storedOf(await attempt(log, appendOf('a', [lost], 0))).firstVersion, 1);
  });

  transactionTest(
    'take back links, deletions and overwrites with a rollback',
    async ({ log, inTransaction }) => {
      const [first, second] = [newRecord('First'), newRecord('Second')];
      await store(log, 'a', first);
      await store(log, 'b', second);
      const before = await read(log);
      const rolledBack = inTransaction(async () => {
        await log.link({ stream: 'b', expected: 0, eventIds: [first.id] });
        await log.deleteStream('a');
        await log.overwrite([{ ...second, type: 'Changed' }]);
        assert.deepEqual(await log.streamsOf(first.id), ['b']);
        assert.deepEqual(await readIds(log, { stream: 'a' }), []);
        assert.equal((await read(log, { ids: [second.id] }))[0]?.type, 'Changed');
        throw regret;
      });
      await assert.rejects(rolledBack, isRegret);
      assert.deepEqual(await read(log), before);
      assert.deepEqual(await log.streamsOf(first.id), ['a']);
      assert.deepEqual(await readIds(log, { stream: 'b' }), [second.id]);
    },
  );

  transactionTest('keep links, deletions and overwrites with a commit', async ({ log, inTransaction }) => {
    const [first, second] = [newRecord('First'), newRecord('Second')];
    await store(log, 'a', first);
    await inTransaction(async () => {
      await store(log, 'b', second);
      await log.link({ stream: 'c', expected: -1, eventIds: [second.id, first.id] });
      await log.overwrite([{ ...second, type: 'Changed' }]);
      await log.deleteStream('a');
    });
    assert.deepEqual(await readIds(log, { stream: 'c' }), [second.id, first.id]);
    assert.deepEqual(await log.streamsOf(first.id), ['c']);
    assert.deepEqual(await readIds(log, { types: ['Changed'] }), [second.id]);
  });

  transactionTest('may record nothing', async ({ log, inTransaction }) => {
    assert.equal(await inTransaction(async () => 1), 1);
    await assert.rejects(
      inTransaction(() => Promise.reject(regret)),
      isRegret,
    );
    assert.deepEqual(await readIds(log), []);
  });
}

function ownWrites({ transactionTest }: LogTests): void {
  transactionTest('read what they have recorded', async ({ log, inTransaction }) => {
    const [old, fresh] = [newRecord('Old'), newRecord('Fresh', { kept: true })];
    await store(log, 'a', old);
    await readIds(log);
    await inTransaction(async () => {
      await store(log, 'a', fresh);
      assert.deepEqual(await readIds(log, { stream: 'a' }), [old.id, fresh.id]);
      assert.deepEqual(await readIds(log, { stream: 'a', direction: 'backward' }), [fresh.id, old.id]);
      assert.deepEqual(await readIds(log, { stream: 'a', after: old.id }), [fresh.id]);
      assert.deepEqual(await readIds(log, { types: ['Fresh'] }), [fresh.id]);
      const [found] = await read(log, { ids: [fresh.id] });
      assert.deepEqual([found?.data, found?.stream, found?.version], [{ kept: true }, 'a', 1]);
      assert.equal(await log.count(queryOf()), 2);
      assert.deepEqual(await log.streamsOf(fresh.id), ['a']);
      assert.equal(await log.versionIn('a', fresh.id), 1);
      assert.deepEqual(await log.searchStreams('a', 10), ['a']);
    });
  });

  transactionTest(
    'see their own events last in the global order, without positions',
    async ({ log, inTransaction }) => {
      const [old, ...fresh] = newRecords(4);
      assert.ok(old);
      await store(log, 'z', old);
      const [sequenced] = await read(log);
      await inTransaction(async () => {
        for (const [nth, record] of fresh.entries()) await store(log, ['y', 'a', undefined][nth], record);
        const all = [old, ...fresh];
        const seen = await read(log, {}, 2);
        assert.deepEqual(idsOf(seen), idsOf(all));
        assert.deepEqual(
          seen.map(({ position }) => position),
          [sequenced?.position, undefined, undefined, undefined],
        );
        assert.deepEqual(await readIds(log, { direction: 'backward' }, 2), idsOf(all).toReversed());
        assert.deepEqual(await readIds(log, { after: fresh[0]?.id }, 1), idsOf(fresh.slice(1)));
        assert.deepEqual(await readIds(log, { before: fresh[1]?.id }), idsOf(all.slice(0, 2)));
        assert.deepEqual(await readIds(log, { after: old.id, limit: 2 }), idsOf(fresh.slice(0, 2)));
        assert.deepEqual(
          await readIds(log, { order: 'timestamp', limit: 9 }, 1).then((ids) => ids.length),
          4,
        );
        assert.equal(await log.positionOf(fresh[0]?.id ?? ''), undefined);
        assert.equal(await log.positionOf(old.id), sequenced?.position);
      });
      assert.equal(typeof (await log.positionOf(fresh[0]?.id ?? '')), 'bigint');
    },
  );

  transactionTest('expect versions that count what they have recorded', async ({ log, inTransaction }) => {
    await inTransaction(async () => {
      storedOf(await attempt(log, appendOf('a', newRecords(2), -1)));
      storedOf(await attempt(log, appendOf('a', newRecords(1), 1)));
      assertConflict(failureOf(await attempt(log, appendOf('a', newRecords(1), 1))), {
        stream: 'a',
        expected: 1,
        actual: 2,
      });
    });
    await assertDense(log, 'a', 3);
  });

  transactionTest('take several calls at once', async ({ log, inTransaction }) => {
    await inTransaction(async () => {
      await Promise.all(newRecords(10).map((record) => store(log, 'a', record)));
      await Promise.all([readIds(log), store(log, 'a', newRecord()), log.count(queryOf())]);
    });
    await assertDense(log, 'a', 11);
  });
}

function failures({ transactionTest }: LogTests): void {
  // H4
  transactionTest('stay usable after a wrong expected version', async ({ log, inTransaction }) => {
    const [before, after] = [newRecord(), newRecord()];
    await inTransaction(async () => {
      await store(log, 'a', before);
      const failure = failureOf(await attempt(log, appendOf('a', newRecords(1), 5)));
      assertConflict(failure, { stream: 'a', expected: 5, actual: 0 });
      await assert.rejects(log.link({ stream: 'b', expected: 3, eventIds: [before.id] }), (error) =>
        assertConflict(error, { stream: 'b', expected: 3, actual: -1 }),
      );
      await store(log, 'a', after);
    });
    assert.deepEqual(await readIds(log), [before.id, after.id]);
    await assertDense(log, 'a', 2);
  });

  transactionTest('stay usable after a duplicate', async ({ log, inTransaction }) => {
    const [stored, own, last] = [newRecord(), newRecord(), newRecord()];
    await store(log, 'a', stored);
    await inTransaction(async () => {
      await store(log, 'a', own);
      for (const { id } of [stored, own]) {
        const outcome = await attempt(log, appendOf('b', [newRecord('Again', {}, { id })]));
        assertDuplicate(failureOf(outcome), id);
      }
      await assert.rejects(log.link({ stream: 'a', expected: 1, eventIds: [own.id] }), (error) =>
        assertDuplicate(error, own.id),
      );
      await store(log, 'b', last);
    });
    assert.deepEqual(await readIds(log), [stored.id, own.id, last.id]);
  });

  transactionTest('stay usable after an unknown event', async ({ log, inTransaction }) => {
    await inTransaction(async () => {
      await assert.rejects(log.link({ stream: 'a', expected: undefined, eventIds: ['nobody'] }), isNobody);
      await assert.rejects(log.overwrite([newRecord('New', {}, { id: 'nobody' })]), isNobody);
      await assert.rejects(read(log, { after: 'nobody' }), isNobody);
      await assert.rejects(read(log, { stream: 'a', before: 'nobody' }), isNobody);
      await store(log, 'a', newRecord());
    });
    await assertDense(log, 'a', 1);
  });
}

function context({ test, transactionTest }: LogTests): void {
  test('are not found where none is open', async ({ log }) => {
    assert.equal(log.transactions?.current(), undefined);
  });

  transactionTest(
    'are found where they are open, and no longer afterwards',
    async ({ log, inTransaction }) => {
      await inTransaction(async () => {
        currentOf(log);
        await store(log, 'a', newRecord());
        currentOf(log);
      });
      assert.equal(log.transactions?.current(), undefined);
      await assert.rejects(
        inTransaction(() => Promise.reject(regret)),
        isRegret,
      );
      assert.equal(log.transactions?.current(), undefined);
    },
  );

  transactionTest('are not found by work that runs outside', async ({ log, inTransaction }) => {
    await inTransaction(async () => {
      const { transactions: own } = log;
      assert.ok(own);
      assert.equal(
        own.outside(() => own.current()),
        undefined,
      );
      assert.equal(await own.outside(async () => Promise.resolve().then(() => own.current())), undefined);
      currentOf(log);
    });
  });

  transactionTest('of the log itself hand the open transaction to the work', async ({ log }) => {
    const record = newRecord();
    const answer = await log.transactions?.run(async (transaction) => {
      assert.equal(typeof transaction.add, 'function');
      currentOf(log);
      await store(log, 'a', record);
      return 7;
    });
    assert.equal(answer, 7);
    assert.deepEqual(await readIds(log), [record.id]);
    await assert.rejects(log.transactions?.run(() => Promise.reject(regret)) ?? Promise.resolve(), isRegret);
  });

  transactionTest('follow each other on one stream', async ({ log, inTransaction }) => {
    for (let round = 0; round < 5; round += 1) {
      const attempted = inTransaction(async () => {
        await store(log, 'a', newRecord());
        if (round % 2 === 1) throw regret;
      });
      await attempted.catch((error: unknown) => assert.equal(error, regret));
    }
    await assertDense(log, 'a', 3);
    assert.equal((await readIds(log)).length, 3);
  });
}

function isNobody(error: unknown): true {
  return assertNotFound(error, 'nobody');
}
