import assert from 'node:assert/strict';
import type { LogTests } from './log-topic.js';
import {
  appendOf,
  assertDense,
  assertDuplicate,
  attempt,
  failureOf,
  idsOf,
  read,
  readIds,
  store,
  storedOf,
} from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

export function appending({ test }: LogTests): void {
  test('numbers the events of a stream from 0, without gaps, across appends', async ({ log }) => {
    assert.equal((await store(log, 'a', ...newRecords(2))).firstVersion, 0);
    assert.equal((await store(log, 'a', newRecord())).firstVersion, 2);
    await assertDense(log, 'a', 3);
  });

  test('numbers each stream on its own', async ({ log }) => {
    await store(log, 'a', ...newRecords(3));
    assert.equal((await store(log, 'b', newRecord())).firstVersion, 0);
  });

  test('keeps the order of the records given', async ({ log }) => {
    const records = newRecords(7);
    await store(log, 'a', ...records);
    assert.deepEqual(await readIds(log, { stream: 'a' }), idsOf(records));
    assert.deepEqual(await readIds(log), idsOf(records));
  });

  test('keeps an event without a stream in the global order alone', async ({ log }) => {
    const record = newRecord();
    assert.equal((await store(log, undefined, record)).firstVersion, undefined);
    const [found, ...more] = await read(log);
    assert.deepEqual(
      [found?.id, found?.stream, found?.version, more.length],
      [record.id, undefined, undefined, 0],
    );
    assert.deepEqual(await log.streamsOf(record.id), []);
  });

  test('answers nothing when it is given nothing', async ({ log }) => {
    assert.deepEqual(await log.append([]), []);
  });

  test('writes nothing and creates no stream for an append without records', async ({ log }) => {
    const { firstVersion, timestamp } = await store(log, 'a');
    assert.equal(firstVersion, undefined);
    assert.ok(timestamp instanceof Date);
    assert.deepEqual(await readIds(log), []);
    assert.deepEqual(await log.searchStreams('', 10), []);
  });

  test('does not check the expected version of an append without records', async ({ log }) => {
    storedOf(await attempt(log, appendOf('a', [], 7)));
    assert.equal((await store(log, 'a', newRecord())).firstVersion, 0);
  });

  test('writes several appends in one call and answers them in the order given', async ({ log }) => {
    const [b, none, a, moreB] = [newRecords(2), newRecords(1), newRecords(1), newRecords(1)];
    const outcomes = await log.append([
      appendOf('b', b),
      appendOf(undefined, none),
      appendOf('a', a),
      appendOf('b', moreB),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => storedOf(outcome).firstVersion),
      [0, undefined, 0, 2],
    );
    assert.deepEqual(await readIds(log, { stream: 'b' }), idsOf([...b, ...moreB]));
    assert.deepEqual(await readIds(log), idsOf([...b, ...none, ...a, ...moreB]));
  });

  test('refuses an id twice in one append and writes none of it', async ({ log }) => {
    const record = newRecord();
    const outcome = await attempt(log, appendOf('a', [newRecord(), record, record]));
    assertDuplicate(failureOf(outcome), record.id);
    assert.deepEqual(await readIds(log), []);
  });

  test('refuses an id that is stored already, in whatever stream, and writes none of the append', async ({
    log,
  }) => {
    const record = newRecord();
    await store(log, 'a', record);
    for (const stream of ['a', 'b', undefined]) {
      const outcome = await attempt(log, appendOf(stream, [newRecord(), record, newRecord()]));
      assertDuplicate(failureOf(outcome), record.id);
    }
    assert.deepEqual(await readIds(log), [record.id]);
    assert.deepEqual(await log.searchStreams('', 10), ['a']);
  });

  test('names the first id that is stored already', async ({ log }) => {
    const [first, second] = [newRecord(), newRecord()];
    await store(log, 'a', first, second);
    assertDuplicate(failureOf(await attempt(log, appendOf('b', [newRecord(), second, first]))), second.id);
  });

  test('gives an id that comes twice in one call to the first append that can be written', async ({
    log,
  }) => {
    const record = newRecord();
    const outcomes = await log.append([
      appendOf('a', [record], 5),
      appendOf('b', [record]),
      appendOf('c', [newRecord(), record]),
      appendOf('d', [newRecord()]),
    ]);
    failureOf(outcomes[0]);
    assert.equal(storedOf(outcomes[1]).firstVersion, 0);
    assertDuplicate(failureOf(outcomes[2]), record.id);
    assert.equal(storedOf(outcomes[3]).firstVersion, 0);
    assert.deepEqual(await log.searchStreams('', 10), ['b', 'd']);
    assert.deepEqual(await log.streamsOf(record.id), ['b']);
  });

  test('refuses only those of many single events whose id is taken', async ({ log }) => {
    const [stored, twice] = [newRecord(), newRecord()];
    await store(log, 'a', stored);
    const outcomes = await log.append([
      appendOf('a', [newRecord()]),
      appendOf('b', [twice]),
      appendOf('a', [stored]),
      appendOf(undefined, [newRecord()]),
      appendOf('a', [twice]),
      appendOf('a', [newRecord()]),
    ]);
    assert.deepEqual(
      [0, 1, 3, 5].map((index) => storedOf(outcomes[index]).firstVersion),
      [1, 0, undefined, 2],
    );
    assertDuplicate(failureOf(outcomes[2]), stored.id);
    assertDuplicate(failureOf(outcomes[4]), twice.id);
    await assertDense(log, 'a', 3);
    await assertDense(log, 'b', 1);
  });

  test('numbers many single events in the order given, each in its stream', async ({ log }) => {
    const records = newRecords(60);
    const outcomes = await log.append(
      records.map((record, index) => appendOf(['z', 'a', undefined][index % 3], [record])),
    );
    assert.deepEqual(
      outcomes.map((outcome) => storedOf(outcome).firstVersion),
      records.map((_, index) => (index % 3 === 2 ? undefined : Math.floor(index / 3))),
    );
    const every = (start: number) => idsOf(records.filter((_, index) => index % 3 === start));
    assert.deepEqual(await readIds(log, { stream: 'z' }), every(0));
    assert.deepEqual(await readIds(log, { stream: 'a' }), every(1));
    assert.deepEqual(await readIds(log), idsOf(records));
  });

  test('leaves no gap in the versions where an append was refused', async ({ log }) => {
    const record = newRecord();
    await store(log, 'a', record);
    failureOf(await attempt(log, appendOf('a', [newRecord(), record])));
    failureOf(await attempt(log, appendOf('a', newRecords(2), 4)));
    assert.equal((await store(log, 'a', newRecord())).firstVersion, 1);
    await assertDense(log, 'a', 2);
  });

  test('takes a thousand events in one append', async ({ log }) => {
    const records = newRecords(1000);
    await store(log, 'a', ...records);
    assert.deepEqual(await readIds(log, { stream: 'a' }), idsOf(records));
    await assertDense(log, 'a', 1000);
  });

  test('tells streams apart by every character and takes them literally', async ({ log }) => {
    const names = [
      'Order-1',
      'order-1',
      'Order_1',
      'O\'Brien"; --',
      '%',
      ' ',
      'ä',
      'a\u0308x',
      '😀',
      'x'.repeat(255),
    ];
    for (const name of names) await store(log, name, newRecord('Named', { name }));
    for (const name of names) {
      const found = await read(log, { stream: name });
      assert.deepEqual(
        found.map((record) => [record.data, record.stream]),
        [[{ name }, name]],
      );
    }
  });

  test('takes any string as an id, and tells ids apart by every character', async ({ log }) => {
    const ids = ['order:42 – ünïcode', 'A', 'a', "'", 'x'.repeat(255), '😀'];
    await store(log, 'a', ...ids.map((id) => newRecord('Named', {}, { id })));
    assert.deepEqual(await readIds(log, { stream: 'a' }), ids);
    for (const id of ids) assert.deepEqual(await readIds(log, { ids: [id] }), [id]);
  });
}
