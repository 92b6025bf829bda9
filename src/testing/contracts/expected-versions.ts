import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import {
  appendOf,
  assertConflict,
  assertDense,
  assertDuplicate,
  attempt,
  failureOf,
  idsOf,
  readIds,
  store,
  storedOf,
} from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

export function expectedVersions({ test }: LogTests): void {
  test('accept a stream without events where none are expected', async ({ log }) => {
    assert.equal(storedOf(await attempt(log, appendOf('a', newRecords(2), -1))).firstVersion, 0);
  });

  test('refuse a stream with events where none are expected', async ({ log }) => {
    await store(log, 'a', ...newRecords(3));
    const failure = failureOf(await attempt(log, appendOf('a', newRecords(1), -1)));
    assertConflict(failure, { stream: 'a', expected: 'none', actual: 2 });
    await assertDense(log, 'a', 3);
  });

  test('accept the version of the last event', async ({ log }) => {
    await store(log, 'a', ...newRecords(2));
    assert.equal(storedOf(await attempt(log, appendOf('a', newRecords(2), 1))).firstVersion, 2);
    assert.equal(storedOf(await attempt(log, appendOf('a', newRecords(1), 3))).firstVersion, 4);
    await assertDense(log, 'a', 5);
  });

  test('refuse a version that lies behind, and write nothing', async ({ log }) => {
    const records = newRecords(3);
    await store(log, 'a', ...records);
    for (const expected of [0, 1]) {
      const failure = failureOf(await attempt(log, appendOf('a', newRecords(2), expected)));
      assertConflict(failure, { stream: 'a', expected, actual: 2 });
    }
    assert.deepEqual(await readIds(log), idsOf(records));
  });

  // R26
  test('refuse a version that lies ahead, and write nothing', async ({ log }) => {
    await store(log, 'a', newRecord());
    const failure = failureOf(await attempt(log, appendOf('a', newRecords(1), 1)));
    assertConflict(failure, { stream: 'a', expected: 1, actual: 0 });
    await assertDense(log, 'a', 1);
  });

  test('refuse any version of a stream without events, and create no stream', async ({ log }) => {
    for (const expected of [0, 5]) {
      const failure = failureOf(await attempt(log, appendOf('a', newRecords(1), expected)));
      assertConflict(failure, { stream: 'a', expected, actual: -1 });
    }
    assert.deepEqual(await log.searchStreams('', 10), []);
    assert.equal(storedOf(await attempt(log, appendOf('a', newRecords(1), -1))).firstVersion, 0);
  });

  test('leave the ids of a refused append free', async ({ log }) => {
    const record = newRecord();
    failureOf(await attempt(log, appendOf('a', [record], 3)));
    storedOf(await attempt(log, appendOf('a', [record], -1)));
    assert.deepEqual(await readIds(log), [record.id]);
  });

  test('of one append do not touch the other appends of the call', async ({ log }) => {
    await store(log, 'b', newRecord());
    const outcomes = await log.append([
      appendOf('a', newRecords(1), -1),
      appendOf('b', newRecords(2), -1),
      appendOf('b', newRecords(1), 0),
      appendOf('c', newRecords(1), 9),
      appendOf('d', newRecords(2)),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => ('stored' in outcome ? outcome.stored.firstVersion : outcome.failure.code)),
      [0, 'wrong_expected_version', 1, 'wrong_expected_version', 0],
    );
    assertConflict(failureOf(outcomes[1]), { stream: 'b', expected: 'none', actual: 0 });
    assertConflict(failureOf(outcomes[3]), { stream: 'c', expected: 9, actual: -1 });
    await assertDense(log, 'b', 2);
    assert.deepEqual(await log.searchStreams('', 10), ['a', 'b', 'd']);
  });

  test('count what earlier appends of the same call have written', async ({ log }) => {
    const outcomes = await log.append([
      appendOf('a', newRecords(2), -1),
      appendOf('a', newRecords(1), 1),
      appendOf('a', newRecords(1), 1),
      appendOf('a', newRecords(1)),
      appendOf('a', newRecords(1), 3),
    ]);
    assertConflict(failureOf(outcomes[2]), { stream: 'a', expected: 1, actual: 2 });
    assert.deepEqual(
      [0, 1, 3, 4].map((nth) => storedOf(outcomes[nth]).firstVersion),
      [0, 2, 3, 4],
    );
    await assertDense(log, 'a', 5);
  });

  test('count linked events', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    await log.link({ stream: 'b', expected: -1, eventIds: [record.id] });
    const failure = failureOf(await attempt(log, appendOf('b', newRecords(1), -1)));
    assertConflict(failure, { stream: 'b', expected: 'none', actual: 0 });
    assert.equal(storedOf(await attempt(log, appendOf('b', newRecords(1), 0))).firstVersion, 1);
  });

  test('give way to the news that the event is stored already, so that a repeated write is told apart', async ({
    log,
  }) => {
    const records = newRecords(2);
    storedOf(await attempt(log, appendOf('a', records, -1)));
    assertDuplicate(failureOf(await attempt(log, appendOf('a', records, -1))), records[0]?.id ?? '');
  });
}
