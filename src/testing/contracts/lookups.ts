import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import { idsOf, read, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

export function lookups({ test }: LogTests): void {
  test('list the streams of an event: its home, then in the order it was linked', async ({ log }) => {
    const record = newRecord();
    await store(log, 'm', record);
    for (const stream of ['z', 'a', 'q']) await log.link({ stream, expected: -1, eventIds: [record.id] });
    assert.deepEqual(await log.streamsOf(record.id), ['m', 'z', 'a', 'q']);
  });

  test('list no streams of an unknown event', async ({ log }) => {
    assert.deepEqual(await log.streamsOf('nobody'), []);
  });

  test('tell the place of an event in each stream', async ({ log }) => {
    const records = newRecords(3);
    await store(log, 'a', ...records);
    const [first = '', , third = ''] = idsOf(records);
    await log.link({ stream: 'b', expected: -1, eventIds: [third, first] });
    assert.deepEqual([await log.versionIn('a', first), await log.versionIn('a', third)], [0, 2]);
    assert.deepEqual([await log.versionIn('b', first), await log.versionIn('b', third)], [1, 0]);
  });

  test('tell no place in a stream that does not hold the event', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    await store(log, 'b', newRecord());
    assert.equal(await log.versionIn('b', record.id), undefined);
    assert.equal(await log.versionIn('nowhere', record.id), undefined);
    assert.equal(await log.versionIn('a', 'nobody'), undefined);
  });

  test('tell the position of an event, streamless ones included, as a global read shows it', async ({
    log,
  }) => {
    await store(log, 'a', ...newRecords(2));
    await store(log, undefined, newRecord());
    const last = newRecord();
    await store(log, 'b', last);
    const position = await log.positionOf(last.id);
    assert.equal(typeof position, 'bigint');
    for (const record of await read(log)) {
      assert.equal(await log.positionOf(record.id), record.position);
    }
    assert.equal((await read(log)).at(-1)?.position, position);
  });

  test('tell no position of an unknown event', async ({ log }) => {
    assert.equal(await log.positionOf('nobody'), undefined);
  });

  test('find streams by prefix, each once, in order', async ({ log }) => {
    for (const stream of ['order-2', 'order-10', 'order-1', 'orders', 'invoice-1', 'order-1']) {
      await store(log, stream, newRecord());
    }
    assert.deepEqual(await log.searchStreams('order-', 10), ['order-1', 'order-10', 'order-2']);
    assert.deepEqual(await log.searchStreams('order-1', 10), ['order-1', 'order-10']);
    assert.deepEqual(await log.searchStreams('nothing', 10), []);
  });

  test('find at most as many streams as asked for, the first ones', async ({ log }) => {
    for (const stream of ['c', 'a', 'b']) await store(log, stream, newRecord());
    assert.deepEqual(await log.searchStreams('', 2), ['a', 'b']);
    assert.deepEqual(await log.searchStreams('', 3), ['a', 'b', 'c']);
  });

  test('take the prefix literally', async ({ log }) => {
    const names = ['a%b', 'a_b', 'axb', 'a\\b', 'a\\%b', 'a*b', "a'b", 'a?b', 'a[b', 'a.b'];
    for (const stream of names) await store(log, stream, newRecord());
    for (const prefix of names.map((name) => name.slice(0, -1)).filter((each) => each !== 'ax')) {
      const wanted = names.filter((name) => name.startsWith(prefix));
      assert.deepEqual(await log.searchStreams(prefix, 20), wanted.toSorted(), prefix);
    }
  });

  test('tell upper case from lower case in the prefix', async ({ log }) => {
    for (const stream of ['Order', 'order', 'ORDER']) await store(log, stream, newRecord());
    assert.deepEqual(await log.searchStreams('o', 10), ['order']);
    assert.deepEqual(await log.searchStreams('', 10), ['ORDER', 'Order', 'order']);
  });

  test('sort names by code point, whatever the language', async ({ log }) => {
    const rising = ['Z', '_', 'a', 'b', 'ä', 'ｚ', '😀'];
    for (const stream of rising.toReversed()) await store(log, stream, newRecord());
    assert.deepEqual(await log.searchStreams('', 10), rising);
  });

  test('find streams that hold only links', async ({ log }) => {
    const record = newRecord();
    await store(log, undefined, record);
    await log.link({ stream: 'linked', expected: -1, eventIds: [record.id] });
    assert.deepEqual(await log.searchStreams('', 10), ['linked']);
  });
}
