import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import {
  assertConflict,
  assertDuplicate,
  assertNotFound,
  idsOf,
  read,
  readIds,
  store,
} from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

export function linking({ test }: LogTests): void {
  test('adds events to a further stream in the order given', async ({ log }) => {
    const records = newRecords(3);
    await store(log, 'a', ...records);
    const eventIds = idsOf(records).toReversed();
    await log.link({ stream: 'b', expected: undefined, eventIds });
    assert.deepEqual(await readIds(log, { stream: 'b' }), eventIds);
    assert.deepEqual(await readIds(log, { stream: 'b', direction: 'backward' }), idsOf(records));
    assert.deepEqual(await readIds(log, { stream: 'a' }), idsOf(records));
  });

  test('shows an event once in the global order, however many streams hold it', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    for (const stream of ['b', 'c']) await log.link({ stream, expected: -1, eventIds: [record.id] });
    assert.deepEqual(await readIds(log), [record.id]);
    assert.equal((await read(log, { ids: [record.id] })).length, 1);
  });

  test('leaves home stream and version of the event as they are', async ({ log }) => {
    const [first, second] = [newRecord(), newRecord('Second', { kept: true })];
    await store(log, 'a', first, second);
    await log.link({ stream: 'b', expected: undefined, eventIds: [second.id] });
    const [linked] = await read(log, { stream: 'b' });
    assert.deepEqual([linked?.id, linked?.stream, linked?.version], [second.id, 'a', 1]);
    assert.deepEqual(linked?.data, { kept: true });
    assert.equal(await log.versionIn('b', second.id), 0);
  });

  test('gives no home to an event that has none', async ({ log }) => {
    const record = newRecord();
    await store(log, undefined, record);
    await log.link({ stream: 'b', expected: -1, eventIds: [record.id] });
    const [linked] = await read(log, { stream: 'b' });
    assert.deepEqual([linked?.id, linked?.stream, linked?.version], [record.id, undefined, undefined]);
  });

  test('shares the versions of a stream between links and its own events', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    await store(log, 'b', newRecord());
    await log.link({ stream: 'b', expected: 0, eventIds: [record.id] });
    assert.equal((await store(log, 'b', newRecord())).firstVersion, 2);
    assert.equal(await log.versionIn('b', record.id), 1);
    assert.equal((await readIds(log, { stream: 'b' }))[1], record.id);
  });

  test('does nothing without ids', async ({ log }) => {
    await log.link({ stream: 'b', expected: 7, eventIds: [] });
    assert.deepEqual(await log.searchStreams('', 10), []);
  });

  test('refuses an event that is not stored, and links none', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    const eventIds = [record.id, 'nobody'];
    await assert.rejects(log.link({ stream: 'b', expected: undefined, eventIds }), (error) =>
      assertNotFound(error, 'nobody'),
    );
    assert.deepEqual(await log.streamsOf(record.id), ['a']);
    assert.deepEqual(await log.searchStreams('', 10), ['a']);
  });

  test('refuses an event that is in the stream already, and links none', async ({ log }) => {
    const [atHome, linked, fresh] = [newRecord(), newRecord(), newRecord()];
    await store(log, 'b', atHome);
    await store(log, 'a', linked, fresh);
    await log.link({ stream: 'b', expected: 0, eventIds: [linked.id] });
    for (const { id } of [atHome, linked]) {
      await assert.rejects(
        log.link({ stream: 'b', expected: undefined, eventIds: [fresh.id, id] }),
        (error) => assertDuplicate(error, id),
      );
    }
    assert.deepEqual(await readIds(log, { stream: 'b' }), [atHome.id, linked.id]);
  });

  test('refuses an event that is given twice, and links none', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    await assert.rejects(
      log.link({ stream: 'b', expected: undefined, eventIds: [record.id, record.id] }),
      (error) => assertDuplicate(error, record.id),
    );
    assert.deepEqual(await log.searchStreams('b', 10), []);
  });

  test('refuses a wrong expected version, and links none', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    await store(log, 'b', newRecord());
    const link = (expected: number) => log.link({ stream: 'b', expected, eventIds: [record.id] });
    await assert.rejects(link(-1), (error) =>
      assertConflict(error, { stream: 'b', expected: 'none', actual: 0 }),
    );
    await assert.rejects(link(4), (error) => assertConflict(error, { stream: 'b', expected: 4, actual: 0 }));
    assert.deepEqual(await log.streamsOf(record.id), ['a']);
    await link(0);
    assert.equal(await log.versionIn('b', record.id), 1);
  });

  test('tells a repeated link by its duplicate and not by its version', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    const link = { stream: 'b', expected: -1, eventIds: [record.id] };
    await log.link(link);
    await assert.rejects(log.link(link), (error) => assertDuplicate(error, record.id));
  });

  test('reads a linked stream through every filter', async ({ log }) => {
    const records = [newRecord('A'), newRecord('B'), newRecord('A'), newRecord('A')];
    await store(log, 'a', ...records);
    const [first, second, third, fourth] = idsOf(records);
    assert.ok(first && second && third && fourth);
    await log.link({ stream: 'b', expected: undefined, eventIds: [fourth, second, first, third] });
    assert.deepEqual(await readIds(log, { stream: 'b', types: ['A'] }), [fourth, first, third]);
    assert.deepEqual(await readIds(log, { stream: 'b', after: second }), [first, third]);
    assert.deepEqual(await readIds(log, { stream: 'b', after: fourth, before: third }), [second, first]);
    assert.deepEqual(await readIds(log, { stream: 'b', direction: 'backward', limit: 2 }), [third, first]);
  });
}
