import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppendOutcome, EventLog, EventRecord } from '../../log/event-log.js';
import { assertRising } from './global-order.js';
import type { LogTests } from './log-topic.js';
import { appendOf, assertDense, attempt, failureOf, idsOf, read, readIds, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

export function concurrency(tests: LogTests): void {
  oneWinner(tests);
  manyWriters(tests);
}

function oneWinner({ test }: LogTests): void {
  test('with one expected version: one succeeds, the others learn what was there first', async ({
    log,
    beside,
  }) => {
    for (const expected of [-1, 0]) {
      const attempts = Array.from({ length: 50 }, (_, nth) =>
        attempt(nth % 2 === 0 ? log : beside, appendOf('a', newRecords(1), expected)),
      );
      const refused = onlyRefused(await Promise.all(attempts), 49);
      for (const { code } of refused) assert.equal(code, 'wrong_expected_version');
      await assertDense(log, 'a', expected + 2);
    }
  });

  test('with one event: one succeeds, the others learn that it is stored', async ({ log, beside }) => {
    const record = newRecord();
    const attempts = Array.from({ length: 20 }, (_, nth) =>
      attempt(nth % 2 === 0 ? log : beside, appendOf(`s${nth}`, [newRecord(), record])),
    );
    for (const { code } of onlyRefused(await Promise.all(attempts), 19))
      assert.equal(code, 'duplicate_event');
    assert.equal((await readIds(log)).length, 2);
    assert.equal((await log.searchStreams('', 30)).length, 1);
  });

  test('linking one event to one stream: one succeeds', async ({ log, beside }) => {
    const record = newRecord();
    await store(log, 'a', record);
    const links = Array.from({ length: 10 }, (_, nth) =>
      (nth % 2 === 0 ? log : beside).link({ stream: 'b', expected: undefined, eventIds: [record.id] }),
    );
    const settled = await Promise.allSettled(links);
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.deepEqual(await readIds(log, { stream: 'b' }), [record.id]);
  });
}

function manyWriters({ test }: LogTests): void {
  test('without expected versions: all succeed, and the versions are dense', async ({ log, beside }) => {
    const writers = Array.from({ length: 20 }, async (_, writer) => {
      for (let nth = 0; nth < 5; nth += 1) {
        await store(writer % 2 === 0 ? log : beside, 'a', newRecord('Written', { writer, nth }), newRecord());
      }
    });
    await Promise.all(writers);
    await assertDense(log, 'a', 200);
    const written = await read(log, { stream: 'a', types: ['Written'] });
    for (let writer = 0; writer < 20; writer += 1) {
      const own = written.map(({ data }) => data as { writer: number; nth: number });
      assert.deepEqual(
        own.filter((each) => each.writer === writer).map(({ nth }) => nth),
        [0, 1, 2, 3, 4],
      );
    }
  });

  // H16
  test('to the same streams in opposite orders: all succeed', async ({ log, beside }) => {
    const calls = Array.from({ length: 20 }, (_, nth) => {
      const streams = nth % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a'];
      return (nth % 4 < 2 ? log : beside).append(streams.map((stream) => appendOf(stream, newRecords(1))));
    });
    for (const outcomes of await Promise.all(calls))
      assert.ok(outcomes.every((outcome) => 'stored' in outcome));
    for (const stream of ['a', 'b', 'c']) await assertDense(log, stream, 20);
  });

  test('while readers follow the global order: these miss nothing and see nothing twice', async ({
    log,
    beside,
  }) => {
    const controller = new AbortController();
    const followers = [follow(log, 7, controller.signal), follow(beside, 3, controller.signal)];
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let nth = 0; nth < 15; nth += 1) {
        await store(nth % 2 === 0 ? log : beside, random(writer, nth), ...newRecords(1 + (nth % 3)));
      }
    });
    await Promise.all(writers).finally(() => controller.abort());
    const all = await read(log);
    for (const seen of await Promise.all(followers)) {
      assertRising(seen);
      assert.deepEqual(idsOf(seen), idsOf(all));
      assertStreamOrder(seen);
    }
    assert.equal(all.length, 8 * 30);
  });
}

/** Reads on from the last event it saw, until the writers have ended and nothing is left. */
export async function follow(log: EventLog, batchSize: number, ended: AbortSignal): Promise<EventRecord[]> {
  const seen: EventRecord[] = [];
  for (;;) {
    const wasEnded = ended.aborted;
    const news = await read(log, { after: seen.at(-1)?.id, limit: 50 }, batchSize);
    seen.push(...news);
    assert.equal(new Set(idsOf(seen)).size, seen.length, 'nothing is seen twice');
    if (wasEnded && news.length === 0) return seen;
    await nextTurn();
  }
}

/** The global order respects the order of each stream. */
export function assertStreamOrder(records: readonly EventRecord[]): void {
  const next = new Map<string, number>();
  for (const { stream, version } of records) {
    if (stream === undefined) continue;
    assert.equal(version, next.get(stream) ?? 0, `the order of stream ${stream}`);
    next.set(stream, (version ?? 0) + 1);
  }
}

function random(writer: number, nth: number): string | undefined {
  return [`own-${writer}`, 'hot', undefined, `shared-${nth % 4}`][(writer + nth) % 4];
}

function onlyRefused(outcomes: readonly AppendOutcome[], count: number) {
  const refused = outcomes.filter((outcome) => 'failure' in outcome);
  assert.equal(refused.length, count, `${count} of ${outcomes.length} are refused`);
  return refused.map(failureOf);
}
