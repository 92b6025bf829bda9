import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import {
  appendOf,
  assertDense,
  assertNotFound,
  attempt,
  idsOf,
  read,
  readIds,
  store,
  storedOf,
} from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

export function deletingAndOverwriting(tests: LogTests): void {
  deleting(tests);
  overwriting(tests);
}

function deleting({ test }: LogTests): void {
  test('a deleted stream is empty, and its events stay in the global order', async ({ log }) => {
    const records = newRecords(2);
    await store(log, 'a', ...records);
    const before = await read(log);
    await log.deleteStream('a');
    assert.deepEqual(await readIds(log, { stream: 'a' }), []);
    const after = await read(log);
    assert.deepEqual(
      after.map(({ id, position, stream, version }) => ({ id, position, stream, version })),
      before.map(({ id, position }) => ({ id, position, stream: undefined, version: undefined })),
    );
    assert.deepEqual(await log.searchStreams('', 10), []);
    for (const id of idsOf(records)) {
      assert.deepEqual(await log.streamsOf(id), []);
      assert.equal(await log.versionIn('a', id), undefined);
    }
  });

  test('a deleted stream starts from version 0 again', async ({ log }) => {
    await store(log, 'a', ...newRecords(3));
    await log.deleteStream('a');
    assert.equal(storedOf(await attempt(log, appendOf('a', newRecords(2), -1))).firstVersion, 0);
    await assertDense(log, 'a', 2);
    assert.equal((await readIds(log)).length, 5);
  });

  test('ids of a deleted stream stay taken', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    await log.deleteStream('a');
    const outcome = await attempt(log, appendOf('a', [record]));
    assert.ok('failure' in outcome);
    assert.equal(outcome.failure.code, 'duplicate_event');
  });

  test('deleting a stream leaves its events in the streams they were linked to', async ({ log }) => {
    const records = newRecords(2);
    await store(log, 'a', ...records);
    await log.link({ stream: 'b', expected: -1, eventIds: idsOf(records) });
    await log.deleteStream('a');
    assert.deepEqual(await readIds(log, { stream: 'b' }), idsOf(records));
    assert.deepEqual(await log.streamsOf(records[0]?.id ?? ''), ['b']);
  });

  test('deleting a stream of links leaves the events at home', async ({ log }) => {
    const records = newRecords(2);
    await store(log, 'a', ...records);
    await log.link({ stream: 'b', expected: -1, eventIds: idsOf(records) });
    await log.deleteStream('b');
    await assertDense(log, 'a', 2);
    assert.deepEqual(await log.streamsOf(records[0]?.id ?? ''), ['a']);
    await log.link({ stream: 'b', expected: -1, eventIds: idsOf(records).toReversed() });
    assert.deepEqual(await readIds(log, { stream: 'b' }), idsOf(records).toReversed());
  });

  test('an event of a deleted stream can be linked to it again', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', newRecord(), record);
    await log.deleteStream('a');
    await log.link({ stream: 'a', expected: -1, eventIds: [record.id] });
    assert.deepEqual(await readIds(log, { stream: 'a' }), [record.id]);
    assert.equal(await log.versionIn('a', record.id), 0);
    assert.deepEqual(await log.streamsOf(record.id), ['a']);
  });

  test('deleting one stream leaves the others alone', async ({ log }) => {
    await store(log, 'a', ...newRecords(2));
    await store(log, 'ab', ...newRecords(2));
    await log.deleteStream('a');
    await assertDense(log, 'ab', 2);
  });

  test('deleting an unknown stream does nothing', async ({ log }) => {
    await log.deleteStream('nowhere');
    assert.deepEqual(await log.searchStreams('', 10), []);
  });
}

function overwriting({ test }: LogTests): void {
  test('overwriting replaces what the event says and keeps where and when it was recorded', async ({
    log,
  }) => {
    const record = newRecord(
      'Old',
      { old: true },
      { metadata: '{"actor":"u1"}', dates: '{"data":[["at"]]}' },
    );
    await store(log, 'a', newRecord(), record);
    await log.link({ stream: 'b', expected: -1, eventIds: [record.id] });
    const [before] = await read(log, { ids: [record.id] });
    await log.overwrite([
      newRecord(
        'New',
        { fresh: [1] },
        {
          id: record.id,
          schemaVersion: 3,
          metadata: '{"actor":"u2"}',
          timestamp: new Date('2001-01-01T00:00:00.000Z'),
        },
      ),
    ]);
    const [after] = await read(log, { ids: [record.id] });
    assert.ok(before && after);
    assert.deepEqual(after, {
      ...before,
      type: 'New',
      schemaVersion: 3,
      data: { fresh: [1] },
      metadata: { actor: 'u2' },
      dates: undefined,
    });
    assert.deepEqual(await log.streamsOf(record.id), ['a', 'b']);
  });

  test('overwriting replaces validAt where it is given, and keeps it where it is not', async ({ log }) => {
    const validAt = new Date('2020-01-01T00:00:00.001Z');
    const record = newRecord('Timed', {}, { validAt });
    await store(log, 'a', record);
    const validAtNow = async () => (await read(log, { stream: 'a' }))[0]?.validAt;
    await log.overwrite([newRecord('Timed', {}, { id: record.id })]);
    assert.deepEqual(await validAtNow(), validAt);
    const later = new Date('2021-01-01T00:00:00.002Z');
    await log.overwrite([newRecord('Timed', {}, { id: record.id, validAt: later })]);
    assert.deepEqual(await validAtNow(), later);
  });

  test('an overwritten event is found by its new type alone', async ({ log }) => {
    const record = newRecord('Old');
    await store(log, 'a', record);
    await log.overwrite([{ ...record, type: 'New' }]);
    assert.deepEqual(await readIds(log, { types: ['Old'] }), []);
    assert.deepEqual(await readIds(log, { types: ['New'] }), [record.id]);
  });

  test('overwriting an unknown event is refused, and none is overwritten', async ({ log }) => {
    const record = newRecord('Old');
    await store(log, 'a', record);
    await assert.rejects(
      log.overwrite([{ ...record, type: 'New' }, newRecord('New', {}, { id: 'nobody' })]),
      (error) => assertNotFound(error, 'nobody'),
    );
    assert.deepEqual(
      (await read(log)).map(({ id, type }) => ({ id, type })),
      [{ id: record.id, type: 'Old' }],
    );
  });

  test('of two records with one id the later overwrites', async ({ log }) => {
    const record = newRecord('Old');
    await store(log, 'a', record);
    await log.overwrite([
      { ...record, type: 'First' },
      { ...record, type: 'Second' },
    ]);
    assert.deepEqual(
      (await read(log)).map(({ type }) => type),
      ['Second'],
    );
  });

  test('overwriting nothing does nothing', async ({ log }) => {
    await store(log, 'a', newRecord());
    await log.overwrite([]);
    assert.equal((await readIds(log)).length, 1);
  });
}
