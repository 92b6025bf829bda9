import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import { read, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

const treasures: readonly unknown[] = [
  null,
  true,
  0,
  -1.5,
  Number.MAX_SAFE_INTEGER,
  1e21,
  5e-324,
  '',
  'null',
  'line\nbreak\ttab "quote" back\\slash / \u0001 \u2028',
  'grüße 日本語 😀 \u202eعربي',
  [],
  {},
  [[], [null, [1, 'two', { three: [3] }]]],
  { '': 1, ' ': 2, constructor: 3, toString: 4, 'a.b': 5, ä: 6, '😀': 7, 0: 8, length: 9 },
  { deep: { deeper: { deepest: { list: [{ a: 1 }, { b: [2] }], empty: {}, nothing: null } } } },
  { text: '2026-02-03T04:05:06.789Z', many: Array.from({ length: 500 }, (_, nth) => nth) },
];

export function payloads({ test }: LogTests): void {
  test('returns data as it was given, whatever JSON it is', async ({ log }) => {
    await store(log, 'a', ...treasures.map((data) => newRecord('Kept', data)));
    const kept = await read(log, { stream: 'a' });
    assert.deepEqual(
      kept.map((record) => record.data),
      treasures,
    );
  });

  test('returns type, schema version, metadata and dates as they were given', async ({ log }) => {
    const metadata = { actor: 'Zoë', nested: { list: [1, null, { deep: '😀' }] }, correlationId: 'c' };
    const dates = { data: [['at'], ['items', 0, 'due']] };
    await store(
      log,
      'a',
      newRecord(
        'Überfällig',
        { at: 'x' },
        {
          schemaVersion: 7,
          metadata: JSON.stringify(metadata),
          dates: JSON.stringify(dates),
        },
      ),
      newRecord(),
    );
    const [full, bare] = await read(log, { stream: 'a' });
    assert.deepEqual(
      [full?.type, full?.schemaVersion, full?.metadata, full?.dates],
      ['Überfällig', 7, metadata, dates],
    );
    assert.deepEqual([bare?.schemaVersion, bare?.metadata, bare?.dates], [1, {}, undefined]);
  });

  test('parses afresh for each read, so that a reader may change what it got', async ({ log }) => {
    await store(log, 'a', newRecord('Kept', { list: [1] }, { metadata: '{"actor":"u1"}' }));
    const [first] = await read(log, { stream: 'a' });
    assert.ok(first);
    (first.data as { list: number[] }).list.push(2);
    first.metadata.actor = 'somebody else';
    first.timestamp.setTime(0);
    first.validAt.setTime(0);
    const [second] = await read(log, { stream: 'a' });
    assert.deepEqual([second?.data, second?.metadata], [{ list: [1] }, { actor: 'u1' }]);
    assert.notEqual(second?.timestamp.getTime(), 0);
    assert.notEqual(second?.validAt.getTime(), 0);
  });

  test('keeps the timestamp and validAt that a record brings, to the millisecond', async ({ log }) => {
    const times = ['1969-07-20T20:17:40.001Z', '2026-03-29T01:59:59.999Z', '2026-10-25T00:30:00.007Z'];
    const records = times.map((time, nth) =>
      newRecord(
        'Timed',
        { nth },
        { timestamp: new Date(time), validAt: new Date(times[(nth + 1) % 3] ?? '') },
      ),
    );
    await store(log, 'a', ...records);
    for (const query of [{ stream: 'a' }, {}]) {
      const kept = await read(log, query);
      assert.deepEqual(
        kept.map((record) => record.timestamp.toISOString()),
        times,
      );
      assert.deepEqual(
        kept.map((record) => record.validAt.toISOString()),
        [times[1], times[2], times[0]],
      );
    }
  });

  test('stamps records without a timestamp with the time it answers', async ({ log }) => {
    const own = new Date('2020-01-01T00:00:00.123Z');
    const { timestamp } = await store(
      log,
      'a',
      newRecord(),
      newRecord('Timed', {}, { timestamp: own }),
      newRecord(),
    );
    const kept = await read(log, { stream: 'a' });
    assert.deepEqual(
      kept.map((record) => record.timestamp.toISOString()),
      [timestamp.toISOString(), own.toISOString(), timestamp.toISOString()],
    );
  });

  test('takes the timestamp for validAt where a record brings none', async ({ log }) => {
    const timestamp = new Date('2020-01-01T00:00:00.123Z');
    await store(log, 'a', newRecord(), newRecord('Timed', {}, { timestamp }));
    for (const record of await read(log, { stream: 'a' })) assert.deepEqual(record.validAt, record.timestamp);
  });

  test('does not run its clock backwards from one call to the next', async ({ log }) => {
    const first = await store(log, 'a', ...newRecords(2));
    const second = await store(log, 'a', newRecord());
    assert.ok(second.timestamp.getTime() >= first.timestamp.getTime());
  });
}
