import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import {
  assertNotBefore,
  claim,
  claimOne,
  deliveriesOf,
  errorOf,
  eventIdsOf,
  fateOf,
  handlerOf,
  long,
  pairsOf,
  publish,
  register,
  tokensOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { idsOf, read, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

/** With a limit for each handler. */
function claimUpTo(log: EventLog, limits: Readonly<Record<string, number>>, limit: number) {
  const handlers = Object.entries(limits).map(([name, most]) => ({ name, limit: most }));
  return deliveriesOf(log).claim({ handlers, limit, worker: 'w1', leaseFor: long });
}

export function claiming({ test }: DeliveryTests): void {
  test('gives the event as it is stored', async ({ log }) => {
    await register(log, 'a');
    const timestamp = new Date('2020-02-02T02:02:02.002Z');
    const details = { metadata: '{"actor":"u1"}', dates: '{"data":[["at"]]}', schemaVersion: 3, timestamp };
    await publish(
      log,
      's',
      newRecord('A', { at: '2020-01-01T00:00:00.000Z', list: [1, { x: 'ü' }] }, details),
    );
    const [stored] = await read(log);
    assert.deepEqual((await claimOne(log, 'a')).event, stored);
    assert.equal(typeof stored?.position, 'bigint');
  });

  test('counts the attempt before it is run, and says who has it until when', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    const { timestamp } = await store(log, 's', record);
    await deliveriesOf(log).sequence();
    assert.equal((await claimOne(log, 'a', { worker: 'host-7', leaseFor: long })).attempt, 1);
    const fate = await fateOf(log, record.id, 'a');
    const { state, attempt, worker, dueAt, finishedAt } = fate;
    assert.deepEqual(
      { state, attempt, worker, dueAt, finishedAt },
      { state: 'running', attempt: 1, worker: 'host-7', dueAt: undefined, finishedAt: undefined },
    );
    assertNotBefore(fate.leasedUntil, timestamp.getTime() + long);
  });

  test('sequences first what it is asked to', async ({ log }) => {
    await register(log, 'a');
    const records = newRecords(3);
    await store(log, 's', ...records);
    assert.deepEqual(eventIdsOf(await claim(log, 'a', { sequencing: 3 })), idsOf(records));
    assert.equal(await deliveriesOf(log).sequence(), 0);
  });

  test('gives nobody else what is leased', async ({ log, beside }) => {
    await register(log, 'a');
    await publish(log, 's', ...newRecords(3));
    assert.equal((await claim(log, 'a', { limit: 2 })).length, 2);
    assert.equal((await claim(beside, 'a', { worker: 'w2' })).length, 1);
    assert.deepEqual(await claim(beside, 'a', { worker: 'w2' }), []);
    assert.deepEqual(await claim(log, 'a'), []);
  });

  test('gives each delivery a token of its own', async ({ log }) => {
    await register(log, 'a', 'b');
    await publish(log, 's', ...newRecords(5));
    assert.equal(new Set(tokensOf(await claim(log, ['a', 'b']))).size, 10);
  });

  test('gives the oldest events first, of all streams and handlers', async ({ log }) => {
    await register(log, handlerOf('even', { types: ['Even'] }), handlerOf('odd', { types: ['Odd'] }), 'all');
    const records = Array.from({ length: 8 }, (_, nth) => newRecord(nth % 2 === 0 ? 'Even' : 'Odd'));
    for (const [nth, record] of records.entries()) await publish(log, ['t', 's', undefined][nth % 3], record);
    const ids = idsOf(records);
    const twice = ids.flatMap((id) => [id, id]);
    const claimed: string[] = [];
    for (const limit of [2, 6, 8]) {
      claimed.push(...eventIdsOf(await claim(log, ['all', 'odd', 'even'], { limit })));
    }
    assert.deepEqual(claimed, twice);
  });

  test('goes by the age of the event, not by when a retry fell due', async ({ log }) => {
    await register(log, 'a');
    const [old, young] = [newRecord(), newRecord()] as const;
    await publish(log, 's', old);
    const { token } = await claimOne(log, 'a');
    await publish(log, 's', young);
    await deliveriesOf(log).fail([{ token, error: errorOf('no'), next: { kind: 'retry', inMs: 0 } }]);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [old.id, young.id]);
  });

  test('stays within the limit of each handler and within that over all', async ({ log }) => {
    await register(log, 'a', 'b', 'c');
    await publish(log, 's', ...newRecords(4));
    const first = await claimUpTo(log, { a: 1, b: 3, c: 0 }, 10);
    assert.deepEqual(first.map(({ handler }) => handler).toSorted(), ['a', 'b', 'b', 'b']);
    const second = await claimUpTo(log, { a: 9, b: 9, c: 2 }, 4);
    assert.equal(second.length, 4);
    assert.ok(second.filter(({ handler }) => handler === 'c').length <= 2);
    assert.equal((await claim(log, ['a', 'b', 'c'])).length, 4);
  });

  test('does not let a handler with much to do use up the limit of others', async ({ log }) => {
    await register(log, handlerOf('busy', { types: ['A'] }), handlerOf('calm', { types: ['B'] }));
    await publish(log, 's', ...Array.from({ length: 20 }, () => newRecord('A')), newRecord('B'));
    const claimed = await claimUpTo(log, { busy: 2, calm: 2 }, 10);
    assert.deepEqual(
      claimed.map(({ handler }) => handler),
      ['busy', 'busy', 'calm'],
    );
  });

  // H13
  test('takes nothing for handlers that are not named, nor for unknown ones', async ({ log }) => {
    await register(log, 'a', 'b');
    const record = newRecord();
    await publish(log, 's', record);
    assert.deepEqual(await claim(log, ['unheard-of']), []);
    assert.deepEqual(await claim(log, []), []);
    assert.deepEqual(pairsOf(await claim(log, ['a', 'unheard-of'])), [`a ${record.id}`]);
    assert.equal((await fateOf(log, record.id, 'b')).state, 'pending');
  });

  test('passes over what is not due yet', async ({ log }) => {
    await register(log, 'a');
    const [first, second] = [newRecord(), newRecord()] as const;
    await publish(log, 's', first);
    const { token } = await claimOne(log, 'a');
    await deliveriesOf(log).fail([{ token, error: errorOf('no'), next: { kind: 'retry', inMs: long } }]);
    await publish(log, 's', second);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [second.id]);
    assert.deepEqual(await claim(log, 'a'), []);
  });
}
