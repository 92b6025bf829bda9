import assert from 'node:assert/strict';
import type { EventRecord } from '../../log/event-log.js';
import type { LogTests } from './log-topic.js';
import { idsOf, queryOf, read, readIds, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

/** Positions that rise; holes are allowed. */
export function assertRising(records: readonly EventRecord[]): void {
  const positions = records.map((record) => record.position);
  for (const [nth, position] of positions.entries()) {
    const before = positions[nth - 1];
    assert.equal(typeof position, 'bigint', `every event has a position: ${records[nth]?.id}`);
    assert.ok(
      before === undefined || (position !== undefined && position > before),
      `positions rise: ${positions.join(' ')}`,
    );
  }
}

export function globalOrder({ test }: LogTests): void {
  test('holds every event once, with rising positions', async ({ log }) => {
    await store(log, 'a', ...newRecords(3));
    await store(log, undefined, ...newRecords(2));
    await store(log, 'b', ...newRecords(1));
    const all = await read(log);
    assert.equal(new Set(idsOf(all)).size, 6);
    assertRising(all);
    assertRising(await read(log, { types: ['SomethingHappened'] }, 2));
  });

  test('shows a writer its own events at once', async ({ log }) => {
    for (let round = 0; round < 10; round += 1) {
      const record = newRecord();
      await store(log, round % 2 === 0 ? 'a' : undefined, record);
      assert.equal((await readIds(log)).at(-1), record.id);
      assert.equal((await readIds(log, { direction: 'backward', limit: 1 }))[0], record.id);
    }
  });

  test('shows a log what another log on the same database has written', async ({ log, beside }) => {
    const record = newRecord();
    await store(log, 'a', record);
    assert.deepEqual(await readIds(beside), [record.id]);
    assert.equal(typeof (await beside.positionOf(record.id)), 'bigint');
  });

  test('counts what is committed, sequenced or not', async ({ log }) => {
    await store(log, 'a', ...newRecords(3));
    assert.equal(await log.count(queryOf()), 3);
  });

  test('keeps the order in which callers were answered', async ({ log }) => {
    const records = newRecords(12);
    for (const [nth, record] of records.entries()) await store(log, ['a', 'b', undefined][nth % 3], record);
    assert.deepEqual(await readIds(log), idsOf(records));
  });

  test('never moves an event again', async ({ log }) => {
    await store(log, 'a', ...newRecords(3));
    const before = (await read(log)).map(({ id, position }) => ({ id, position }));
    await store(log, 'b', ...newRecords(3));
    await log.link({ stream: 'c', expected: -1, eventIds: [before[0]?.id ?? ''] });
    await log.deleteStream('a');
    const after = (await read(log)).map(({ id, position }) => ({ id, position }));
    assert.deepEqual(after.slice(0, 3), before);
  });

  test('does not show links', async ({ log }) => {
    const records = newRecords(2);
    await store(log, 'a', ...records);
    await log.link({ stream: 'b', expected: -1, eventIds: idsOf(records).toReversed() });
    assert.deepEqual(await readIds(log), idsOf(records));
  });

  test('lets a reader follow it from the last event it saw', async ({ log }) => {
    const seen: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      await store(log, `s${round % 2}`, ...newRecords(round));
      seen.push(...(await readIds(log, { after: seen.at(-1) }, 2)));
    }
    assert.deepEqual(seen, await readIds(log));
    assert.equal(seen.length, 10);
  });

  test('is there again after a second migration', async ({ log }) => {
    const records = newRecords(3);
    await store(log, 'a', ...records);
    await log.migrate();
    assert.deepEqual(await readIds(log), idsOf(records));
    assert.equal((await store(log, 'a', newRecord())).firstVersion, 3);
  });
}
