import assert from 'node:assert/strict';
import {
  backfilled,
  claim,
  deliveriesOf,
  eventIdsOf,
  eventually,
  handlerOf,
  publish,
  register,
  sequenceAll,
} from './delivery-actions.js';
import type { EventLog } from '../../log/event-log.js';
import type { DeliveryTests } from './delivery-subject.js';
import { appendOf, idsOf, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

/** Ids of events as they come, until there are `count`. */
async function claimAll(log: EventLog, handler: string, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  return eventually(`${handler} gets ${count}`, async () => {
    await sequenceAll(log);
    ids.push(...eventIdsOf(await claim(log, handler)));
    return ids.length >= count ? ids : undefined;
  });
}

export function registering({ test }: DeliveryTests): void {
  test('makes handlers known, listed by name, with what they were registered with', async ({ log }) => {
    const placed = handlerOf('b', { types: ['OrderPlaced', 'OrderPaid'], attempts: 5 });
    const everything = handlerOf('a', { from: 'beginning' });
    assert.deepEqual(await deliveriesOf(log).registrations(), []);
    await register(log, placed, everything);
    assert.deepEqual(await deliveriesOf(log).registrations(), [everything, placed]);
  });

  test('knows them in every log on the same database', async ({ log, beside }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(beside, 's', record);
    assert.deepEqual(eventIdsOf(await claim(beside, 'a')), [record.id]);
    assert.deepEqual(await deliveriesOf(beside).registrations(), [handlerOf('a')]);
  });

  test('keeps alike names apart', async ({ log }) => {
    const names = ['mail', 'Mail', 'mail ', 'mäil', 'mail.order-placed', "mail'; --"];
    await register(log, ...names);
    const known = (await deliveriesOf(log).registrations()).map(({ name }) => name);
    assert.deepEqual(known.toSorted(), names.toSorted());
  });

  test('forgets no handler because others are registered', async ({ log }) => {
    await register(log, 'a');
    await register(log, 'b');
    await register(log);
    await publish(log, 's', newRecord());
    assert.equal((await claim(log, ['a', 'b'])).length, 2);
  });

  test('starts a new handler with what is sequenced from here on', async ({ log }) => {
    await publish(log, 's', ...newRecords(3));
    await register(log, 'a');
    const later = newRecords(2);
    await publish(log, 's', ...later);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), idsOf(later));
  });

  test('starts one from the beginning with every event of its types, oldest first', async ({ log }) => {
    const old = [newRecord('A'), newRecord('B'), newRecord('A')] as const;
    await publish(log, 's', old[0], old[1]);
    await publish(log, undefined, old[2]);
    await register(log, handlerOf('a', { types: ['A'], from: 'beginning' }));
    const later = newRecord('A');
    await publish(log, 's', later);
    await backfilled(log, 'a', [old[0].id, old[2].id]);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [old[0].id, old[2].id, later.id]);
  });

  test('leaves out nothing of a long history', async ({ log }) => {
    const records = Array.from({ length: 2_500 }, (_, nth) => newRecord(nth % 5 === 0 ? 'A' : 'B'));
    await publish(log, 's', ...records);
    await register(log, handlerOf('all', { from: 'beginning' }));
    await register(log, handlerOf('some', { types: ['A', 'C'], from: 'beginning' }));
    assert.deepEqual((await claimAll(log, 'all', 2_500)).toSorted(), idsOf(records).toSorted());
    const wanted = idsOf(records.filter(({ type }) => type === 'A'));
    assert.deepEqual((await claimAll(log, 'some', 500)).toSorted(), wanted.toSorted());
  });

  test('gives a handler from the beginning also what is not sequenced yet, once', async ({ log }) => {
    const records = newRecords(3);
    await store(log, 's', ...records);
    await register(log, handlerOf('a', { from: 'beginning' }));
    await backfilled(log, 'a', idsOf(records));
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), idsOf(records));
  });

  test('makes no second delivery when a handler is registered again', async ({ log }) => {
    const again = handlerOf('a', { from: 'beginning' });
    const records = newRecords(5);
    await publish(log, 's', ...records.slice(0, 3));
    await register(log, again);
    await register(log, again, again);
    await publish(log, 's', ...records.slice(3));
    await register(log, again);
    await backfilled(log, 'a', idsOf(records));
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), idsOf(records));
    assert.deepEqual(await deliveriesOf(log).registrations(), [again]);
  });

  test('lets a known handler go on where it is, wherever it asks to start', async ({ log }) => {
    await publish(log, 's', ...newRecords(2));
    await register(log, 'a');
    await register(log, handlerOf('a', { from: 'beginning' }));
    await sequenceAll(log);
    assert.deepEqual(await claim(log, 'a'), []);
    assert.equal((await deliveriesOf(log).registrations())[0]?.from, 'now');
  });

  test('takes new types and attempts of a known handler from here on', async ({ log }) => {
    await register(log, handlerOf('a', { types: ['A'] }));
    const [before, ignored, dropped, after] = [
      newRecord('A'),
      newRecord('B'),
      newRecord('A'),
      newRecord('B'),
    ] as const;
    await publish(log, 's', before, ignored);
    const changed = handlerOf('a', { types: ['B', 'C'], attempts: 7 });
    await register(log, changed);
    await publish(log, 's', dropped, after);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [before.id, after.id]);
    assert.deepEqual(await deliveriesOf(log).registrations(), [changed]);
  });

  test('turns a handler of some types into one of all, and back', async ({ log }) => {
    const [all, some] = [newRecord('B'), newRecord('B')] as const;
    await register(log, handlerOf('a', { types: ['A'] }));
    await register(log, 'a');
    await publish(log, 's', all);
    await register(log, handlerOf('a', { types: ['A'] }));
    await publish(log, 's', some);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [all.id]);
  });

  test('is safe from many starters at once', async ({ log, beside }) => {
    const records = newRecords(3);
    await publish(log, 's', ...records);
    const names = ['a', 'b', 'c'];
    const handlers = names.map((name) => handlerOf(name, { from: 'beginning' }));
    const orders = [handlers, handlers.toReversed(), [...handlers.slice(1), ...handlers.slice(0, 1)]];
    const starters = [log, beside, log, beside, log, beside];
    await Promise.all(starters.map((each, nth) => register(each, ...(orders[nth % 3] ?? []))));
    assert.deepEqual(await deliveriesOf(log).registrations(), handlers);
    for (const name of names) {
      await backfilled(log, name, idsOf(records));
      assert.deepEqual(eventIdsOf(await claim(log, name)), idsOf(records));
    }
  });

  test('loses and repeats nothing that is published meanwhile', async ({ log, beside }) => {
    const records = newRecords(30);
    const publishing = records.map(async (record, nth) => {
      await log.append([appendOf(`s${nth % 3}`, [record])]);
      await deliveriesOf(nth % 2 === 0 ? log : beside).sequence();
    });
    await Promise.all([...publishing, register(beside, handlerOf('a', { from: 'beginning' }))]);
    await backfilled(log, 'a', idsOf(records));
    assert.deepEqual(eventIdsOf(await claim(log, 'a')).toSorted(), idsOf(records).toSorted());
  });
}
