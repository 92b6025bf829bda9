import assert from 'node:assert/strict';
import type { EventLog, NewRecord } from '../../log/event-log.js';
import type { LogTests } from './log-topic.js';
import { batches, idsOf, queryOf, readIds, store } from './log-actions.js';
import { newRecord } from './new-record.js';
import { expectedIds, generateQuery, type Model } from './query-model.js';
import { seededRandom, type Random } from './seeded-random.js';

export function filters({ test }: LogTests): void {
  test('keep events of the types given, in stream order', async ({ log }) => {
    const records = ['A', 'B', 'C', 'A', 'b'].map((type) => newRecord(type));
    await store(log, 's', ...records);
    const [a, b, c, a2] = idsOf(records);
    for (const stream of ['s', undefined]) {
      assert.deepEqual(await readIds(log, { stream, types: ['A'] }), [a, a2]);
      assert.deepEqual(await readIds(log, { stream, types: ['C', 'B', 'B'] }), [b, c]);
      assert.deepEqual(await readIds(log, { stream, types: ['A'], direction: 'backward' }), [a2, a]);
      assert.deepEqual(await readIds(log, { stream, types: ['Nothing', '%'] }), []);
    }
  });

  test('keep events with the ids given, in stream order and each once', async ({ log }) => {
    const records = Array.from({ length: 4 }, () => newRecord());
    await store(log, 's', ...records);
    await store(log, 'other', newRecord('Other', {}, { id: 'stranger' }));
    const [first, second, , fourth] = idsOf(records);
    assert.ok(first && second && fourth);
    const ids = [fourth, 'nobody', 'stranger', first, fourth, second];
    assert.deepEqual(await readIds(log, { stream: 's', ids }), [first, second, fourth]);
    assert.deepEqual(await readIds(log, { ids, direction: 'backward' }), ['stranger', fourth, second, first]);
  });

  // R38, R39
  test('keep nothing where no type or no id is given', async ({ log }) => {
    await store(log, 's', newRecord(), newRecord());
    for (const stream of ['s', undefined]) {
      for (const nothing of [{ types: [] }, { ids: [] }]) {
        assert.deepEqual(await batches(log, { stream, ...nothing }, 10), []);
        assert.equal(await log.count(queryOf({ stream, ...nothing })), 0);
      }
    }
  });

  test('apply before the limit', async ({ log }) => {
    const records = ['A', 'B', 'A', 'B', 'A'].map((type) => newRecord(type));
    await store(log, 's', ...records);
    const ids = idsOf(records);
    assert.deepEqual(await readIds(log, { types: ['B'], limit: 2 }, 1), [ids[1], ids[3]]);
    assert.deepEqual(await readIds(log, { stream: 's', types: ['A'], limit: 2, direction: 'backward' }), [
      ids[4],
      ids[2],
    ]);
    assert.equal(await log.count(queryOf({ types: ['A'], limit: 2 })), 2);
  });

  test('agree with a plain model, alone and combined, for many generated queries', async ({ log }) => {
    const random = seededRandom(20_260_822);
    const model = await fill(log, random);
    for (let round = 0; round < 250; round += 1) {
      const query = generateQuery(model, random);
      const size = 1 + random.below(12);
      const seen = `query ${round}: ${JSON.stringify(query)} in batches of ${size}`;
      const found = await batches(log, query, size);
      const wanted = expectedIds(model, query);
      assert.deepEqual(idsOf(found.flat()), wanted, seen);
      assert.equal(await log.count(query), wanted.length, seen);
      assert.ok(
        found.every((batch, nth) => batch.length === size || (nth === found.length - 1 && batch.length > 0)),
        seen,
      );
    }
  });
}

/** Forty events in three streams and in none, then links; few distinct times, so that ties are common. */
async function fill(log: EventLog, random: Random): Promise<Model> {
  const model: Model = { global: [], streams: { x: [], y: [], z: [] } };
  for (let nth = 0; nth < 40; nth += 1) {
    const record = generateRecord(`e${nth}`, random);
    const stream = random.pick(['x', 'y', 'z', undefined]);
    await store(log, stream, record);
    model.global.push(record);
    if (stream !== undefined) model.streams[stream]?.push(record);
  }
  for (const stream of ['y', 'z']) {
    const own = model.streams[stream] ?? [];
    const linked = model.global.filter((record) => !own.includes(record) && random.below(4) === 0);
    const records = linked.toReversed();
    await log.link({ stream, expected: undefined, eventIds: idsOf(records) });
    own.push(...records);
  }
  return model;
}

function generateRecord(id: string, random: Random): NewRecord {
  const time = () => new Date(Date.UTC(2026, 5, 1, 0, 0, 0, random.below(8)));
  return newRecord(random.pick(['A', 'B', 'C']), { id }, { id, timestamp: time(), validAt: time() });
}
