import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import type { LogTests } from './log-topic.js';
import { assertNotFound, idsOf, read, readIds, store, type Query } from './log-actions.js';
import { newRecord } from './new-record.js';

const noon = Date.UTC(2026, 0, 1, 12);
const at = (millisecond: number) => new Date(noon + millisecond);

/** Id, timestamp and validAt in milliseconds from noon, as stored. Two pairs share a time in each column. */
const timed: readonly (readonly [string, number, number])[] = [
  ['a', 2, 1],
  ['b', 1, 3],
  ['c', 2, 3],
  ['d', 0, 2],
  ['e', 1, 0],
];

async function storeTimed(log: EventLog): Promise<void> {
  const records = timed.map(([id, timestamp, validAt]) =>
    newRecord('Timed', {}, { id, timestamp: at(timestamp), validAt: at(validAt) }),
  );
  await store(log, 's', ...records);
}

export function timeOrder(tests: LogTests): void {
  sorting(tests);
  bounding(tests);
}

function sorting({ test }: LogTests): void {
  test('sorts by timestamp, ties as stored, and backward in reverse', async ({ log }) => {
    await storeTimed(log);
    for (const stream of ['s', undefined]) {
      const query: Query = { stream, order: 'timestamp' };
      assert.deepEqual(await readIds(log, query), ['d', 'b', 'e', 'a', 'c']);
      assert.deepEqual(await readIds(log, { ...query, direction: 'backward' }), ['c', 'a', 'e', 'b', 'd']);
    }
  });

  test('sorts by validAt, ties as stored, and backward in reverse', async ({ log }) => {
    await storeTimed(log);
    for (const stream of ['s', undefined]) {
      const query: Query = { stream, order: 'validAt' };
      assert.deepEqual(await readIds(log, query), ['e', 'a', 'd', 'b', 'c']);
      assert.deepEqual(await readIds(log, { ...query, direction: 'backward' }), ['c', 'b', 'd', 'a', 'e']);
    }
  });

  test('does not sort by time unless asked', async ({ log }) => {
    await storeTimed(log);
    assert.deepEqual(await readIds(log, { stream: 's' }), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(await readIds(log), ['a', 'b', 'c', 'd', 'e']);
  });

  test('sorts ties in a linked stream by their place in that stream', async ({ log }) => {
    await storeTimed(log);
    await log.link({ stream: 'l', expected: -1, eventIds: ['c', 'e', 'a', 'b'] });
    assert.deepEqual(await readIds(log, { stream: 'l', order: 'timestamp' }), ['e', 'b', 'c', 'a']);
    assert.deepEqual(await readIds(log, { stream: 'l', order: 'timestamp', direction: 'backward' }, 1), [
      'a',
      'c',
      'b',
      'e',
    ]);
  });

  test('sorts before it limits, starts and stops', async ({ log }) => {
    await storeTimed(log);
    const sorted = (query: Query) => readIds(log, { stream: 's', order: 'timestamp', ...query }, 2);
    assert.deepEqual(await sorted({ limit: 2 }), ['d', 'b']);
    assert.deepEqual(await sorted({ limit: 2, direction: 'backward' }), ['c', 'a']);
    assert.deepEqual(await sorted({ after: 'b' }), ['e', 'a', 'c']);
    assert.deepEqual(await sorted({ before: 'a' }), ['d', 'b', 'e']);
    assert.deepEqual(await sorted({ after: 'd', before: 'c' }), ['b', 'e', 'a']);
    assert.deepEqual(await sorted({ after: 'e', direction: 'backward' }), ['b', 'd']);
    assert.deepEqual(await sorted({ after: 'a', before: 'e' }), []);
    assert.deepEqual(await readIds(log, { order: 'validAt', after: 'd' }), ['b', 'c']);
  });

  test('goes through many events of one time, whatever the batch size', async ({ log }) => {
    const records = Array.from({ length: 25 }, (_, nth) => newRecord('Timed', { nth }, { timestamp: at(0) }));
    await store(log, 's', ...records);
    for (const size of [1, 4, 25]) {
      assert.deepEqual(await readIds(log, { order: 'timestamp' }, size), idsOf(records));
      assert.deepEqual(
        await readIds(log, { stream: 's', order: 'validAt', direction: 'backward' }, size),
        idsOf(records).toReversed(),
      );
    }
  });

  test('refuses to start at an event that is not stored, also when sorted', async ({ log }) => {
    await storeTimed(log);
    await assert.rejects(read(log, { order: 'validAt', after: 'nobody' }), (error) =>
      assertNotFound(error, 'nobody'),
    );
  });
}

function bounding({ test }: LogTests): void {
  test('leaves out the bound itself unless it is inclusive', async ({ log }) => {
    await storeTimed(log);
    const bounded = (query: Query) => readIds(log, { stream: 's', ...query });
    assert.deepEqual(await bounded({ newerThan: { at: at(1), inclusive: false } }), ['a', 'c']);
    assert.deepEqual(await bounded({ newerThan: { at: at(1), inclusive: true } }), ['a', 'b', 'c', 'e']);
    assert.deepEqual(await bounded({ olderThan: { at: at(1), inclusive: false } }), ['d']);
    assert.deepEqual(await bounded({ olderThan: { at: at(1), inclusive: true } }), ['b', 'd', 'e']);
  });

  test('combines both bounds', async ({ log }) => {
    await storeTimed(log);
    const between = (from: Query['newerThan'], to: Query['olderThan']) =>
      readIds(log, { newerThan: from, olderThan: to });
    assert.deepEqual(await between({ at: at(1), inclusive: true }, { at: at(2), inclusive: false }), [
      'b',
      'e',
    ]);
    assert.deepEqual(await between({ at: at(0), inclusive: false }, { at: at(1), inclusive: true }), [
      'b',
      'e',
    ]);
    assert.deepEqual(await between({ at: at(1), inclusive: true }, { at: at(1), inclusive: true }), [
      'b',
      'e',
    ]);
    assert.deepEqual(await between({ at: at(1), inclusive: false }, { at: at(1), inclusive: true }), []);
    assert.deepEqual(await between({ at: at(2), inclusive: false }, { at: at(0), inclusive: false }), []);
  });

  test('compares validAt when sorting by it, and else the timestamp', async ({ log }) => {
    await storeTimed(log);
    const newerThan = { at: at(1), inclusive: false };
    assert.deepEqual(await readIds(log, { newerThan }), ['a', 'c']);
    assert.deepEqual(await readIds(log, { newerThan, order: 'timestamp' }), ['a', 'c']);
    assert.deepEqual(await readIds(log, { newerThan, order: 'validAt' }), ['d', 'b', 'c']);
  });

  test('finds an event by the exact time that a read has shown', async ({ log }) => {
    await store(log, 's', newRecord());
    const [shown] = await read(log, { stream: 's' });
    assert.ok(shown);
    const exactly = { at: shown.timestamp, inclusive: true };
    assert.deepEqual(await readIds(log, { newerThan: exactly, olderThan: exactly }), [shown.id]);
    assert.deepEqual(await readIds(log, { newerThan: { at: shown.timestamp, inclusive: false } }), []);
  });
}
