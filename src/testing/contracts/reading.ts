import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import type { LogTests } from './log-topic.js';
import { assertNotFound, batches, idsOf, queryOf, read, readIds, store, type Query } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

/** Five events in stream `a` with others around and between them; returns the ids of the five. */
async function fiveAmongOthers(log: EventLog): Promise<string[]> {
  const records = newRecords(5);
  await store(log, 'b', newRecord());
  await store(log, 'a', ...records.slice(0, 2));
  await store(log, undefined, newRecord());
  await store(log, 'a', ...records.slice(2));
  await store(log, 'b', newRecord());
  return idsOf(records);
}

export function reading(tests: LogTests): void {
  whatIsThere(tests);
  inPieces(tests);
  betweenEvents(tests);
}

function whatIsThere({ test }: LogTests): void {
  test('finds nothing in an empty log', async ({ log }) => {
    for (const query of [{}, { stream: 'a' }, { direction: 'backward' }] satisfies Query[]) {
      assert.deepEqual(await batches(log, query, 10), []);
      assert.equal(await log.count(queryOf(query)), 0);
    }
  });

  test('finds nothing in an unknown stream of a full log', async ({ log }) => {
    await fiveAmongOthers(log);
    assert.deepEqual(await batches(log, { stream: 'A' }, 10), []);
    assert.equal(await log.count(queryOf({ stream: 'A' })), 0);
  });

  test('gives a stream as stored, forward and backward', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    assert.deepEqual(await readIds(log, { stream: 'a' }), ids);
    assert.deepEqual(await readIds(log, { stream: 'a', direction: 'backward' }), ids.toReversed());
  });

  test('gives the global order backward as the reverse of forward', async ({ log }) => {
    await fiveAmongOthers(log);
    const forward = await readIds(log);
    assert.equal(forward.length, 8);
    assert.deepEqual(await readIds(log, { direction: 'backward' }), forward.toReversed());
  });

  test('stops at the limit, counted from where it starts', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    assert.deepEqual(await readIds(log, { stream: 'a', limit: 2 }), ids.slice(0, 2));
    assert.deepEqual(
      await readIds(log, { stream: 'a', limit: 2, direction: 'backward' }),
      ids.toReversed().slice(0, 2),
    );
    assert.deepEqual(await readIds(log, { stream: 'a', limit: 99 }), ids);
    assert.equal((await readIds(log, { limit: 3, direction: 'backward' })).length, 3);
  });

  test('counts what it would read, the limit included', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    assert.equal(await log.count(queryOf()), 8);
    assert.equal(await log.count(queryOf({ stream: 'a' })), 5);
    assert.equal(await log.count(queryOf({ stream: 'a', limit: 3 })), 3);
    assert.equal(await log.count(queryOf({ stream: 'a', after: ids[1], limit: 99 })), 3);
  });
}

function inPieces({ test }: LogTests): void {
  test('comes in full batches and one rest, none of them empty', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    const sizes = async (query: Query, size: number) =>
      (await batches(log, query, size)).map((batch) => batch.length);
    assert.deepEqual(await sizes({ stream: 'a' }, 2), [2, 2, 1]);
    assert.deepEqual(await sizes({ stream: 'a' }, 5), [5]);
    assert.deepEqual(await sizes({ stream: 'a' }, 6), [5]);
    assert.deepEqual(await sizes({}, 4), [4, 4]);
    assert.deepEqual(await sizes({ stream: 'a', limit: 3 }, 2), [2, 1]);
    assert.deepEqual(await sizes({ stream: 'a', after: ids[4] }, 2), []);
  });

  test('gives the same events whatever the batch size', async ({ log }) => {
    await fiveAmongOthers(log);
    for (const order of ['append', 'timestamp', 'validAt'] as const) {
      for (const direction of ['forward', 'backward'] as const) {
        const whole = await readIds(log, { order, direction });
        for (const size of [1, 2, 3, 7]) {
          assert.deepEqual(
            await readIds(log, { order, direction }, size),
            whole,
            `${order} ${direction} ${size}`,
          );
        }
      }
    }
  });

  test('can be left after the first batch, and the log goes on', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    for (const stream of ['a', undefined]) {
      let taken = 0;
      for await (const batch of log.read(queryOf({ stream }), 1)) {
        taken += batch.length;
        if (taken === 2) break;
      }
      assert.equal(taken, 2);
    }
    assert.equal((await store(log, 'a', newRecord())).firstVersion, 5);
    assert.deepEqual((await readIds(log, { stream: 'a' })).slice(0, 5), ids);
  });

  test('can go on side by side in several readers, with writes between their batches', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    const readers = [1, 2].map(() => log.read(queryOf({ stream: 'a', limit: 5 }), 2)[Symbol.asyncIterator]());
    const taken: string[][] = [[], []];
    for (let round = 0; round < 3; round += 1) {
      for (const [nth, reader] of readers.entries()) {
        const { value, done } = await reader.next();
        if (done !== true) taken[nth]?.push(...idsOf(value));
      }
      await store(log, 'a', newRecord());
    }
    assert.deepEqual(taken, [ids, ids]);
    assert.deepEqual(await Promise.all(readers.map(async (reader) => (await reader.next()).done)), [
      true,
      true,
    ]);
  });
}

function betweenEvents({ test }: LogTests): void {
  test('starts behind an event and stops before another, in reading direction', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    const [first, second, third, fourth, fifth] = ids;
    const inStream = (query: Query) => readIds(log, { stream: 'a', ...query });
    assert.deepEqual(await inStream({ after: second }), [third, fourth, fifth]);
    assert.deepEqual(await inStream({ before: second }), [first]);
    assert.deepEqual(await inStream({ after: first, before: fourth }), [second, third]);
    assert.deepEqual(await inStream({ after: fourth, direction: 'backward' }), [third, second, first]);
    assert.deepEqual(await inStream({ before: fourth, direction: 'backward' }), [fifth]);
    assert.deepEqual(await inStream({ after: fifth, before: second, direction: 'backward' }), [
      fourth,
      third,
    ]);
    assert.deepEqual(await inStream({ after: fifth }), []);
    assert.deepEqual(await inStream({ before: first }), []);
  });

  test('starts and stops likewise in the global order, at events of any stream', async ({ log }) => {
    await fiveAmongOthers(log);
    const all = await readIds(log);
    assert.deepEqual(await readIds(log, { after: all[2], before: all[6] }), all.slice(3, 6));
    assert.deepEqual(
      await readIds(log, { after: all[6], before: all[2], direction: 'backward' }),
      all.slice(3, 6).toReversed(),
    );
    assert.deepEqual(await readIds(log, { after: all[3] }, 1), all.slice(4));
  });

  test('gives nothing where the stop stands at the start or ahead of it', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    for (const direction of ['forward', 'backward'] as const) {
      const [near, far] = direction === 'forward' ? [ids[1], ids[3]] : [ids[3], ids[1]];
      assert.deepEqual(await readIds(log, { stream: 'a', direction, after: near, before: near }), []);
      assert.deepEqual(await readIds(log, { stream: 'a', direction, after: far, before: near }), []);
      assert.deepEqual(await readIds(log, { direction, after: far, before: near }), []);
    }
  });

  test('starts and stops at events that the filters leave out', async ({ log }) => {
    const records = ['A', 'B', 'A', 'A', 'B', 'A'].map((type) => newRecord(type));
    await store(log, 'a', ...records);
    const ids = idsOf(records);
    for (const stream of ['a', undefined]) {
      assert.deepEqual(await readIds(log, { stream, types: ['A'], after: ids[1], before: ids[4] }), [
        ids[2],
        ids[3],
      ]);
      assert.deepEqual(await readIds(log, { stream, types: ['A'], after: ids[1], limit: 1 }), [ids[2]]);
    }
  });

  test('refuses to start or stop at an event that is not stored', async ({ log }) => {
    await fiveAmongOthers(log);
    for (const anchor of [{ after: 'nobody' }, { before: 'nobody' }]) {
      for (const scope of [
        {},
        { stream: 'a' },
        { stream: 'nowhere' },
        { types: [] },
        { order: 'timestamp' as const },
      ]) {
        const query = { ...scope, ...anchor };
        await assert.rejects(read(log, query), (error) => assertNotFound(error, 'nobody'));
        await assert.rejects(log.count(queryOf(query)), (error) => assertNotFound(error, 'nobody'));
      }
    }
  });

  test('refuses to start or stop at an event of another stream', async ({ log }) => {
    await fiveAmongOthers(log);
    const [stranger] = await readIds(log, { stream: 'b' });
    assert.ok(stranger);
    for (const anchor of [{ after: stranger }, { before: stranger }]) {
      const query = { stream: 'a', ...anchor };
      await assert.rejects(read(log, query), (error) => assertNotFound(error, stranger));
      await assert.rejects(log.count(queryOf(query)), (error) => assertNotFound(error, stranger));
    }
  });

  test('refuses to start at an event that was deleted from the stream', async ({ log }) => {
    const ids = await fiveAmongOthers(log);
    await log.deleteStream('a');
    await assert.rejects(read(log, { stream: 'a', after: ids[0] }), (error) =>
      assertNotFound(error, ids[0] ?? ''),
    );
  });
}
