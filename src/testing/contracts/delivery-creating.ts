import assert from 'node:assert/strict';
import {
  claim,
  deliveriesOf,
  eventIdsOf,
  eventually,
  fateOf,
  handlerOf,
  pairsOf,
  publish,
  register,
  sequenceAll,
  statesOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { appendOf, idsOf, read, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';
import { isRegret, regret } from './regret.js';

export function creating({ test, transactionTest }: DeliveryTests): void {
  test('makes one pending delivery for each handler of the type, due at once', async ({ log }) => {
    await register(
      log,
      handlerOf('a', { types: ['A', 'B'] }),
      handlerOf('b', { types: ['B'] }),
      handlerOf('everything'),
    );
    const [a, b, c] = [newRecord('A'), newRecord('B'), newRecord('C')] as const;
    await publish(log, 's', a, b, c);
    assert.deepEqual(await statesOf(log, a.id), { a: 'pending', everything: 'pending' });
    assert.deepEqual(await statesOf(log, b.id), { a: 'pending', b: 'pending', everything: 'pending' });
    assert.deepEqual(await statesOf(log, c.id), { everything: 'pending' });
    const claimed = pairsOf(await claim(log, ['a', 'b', 'everything']));
    assert.equal(claimed.length, 6);
    assert.equal(new Set(claimed).size, 6);
  });

  test('says of a fresh delivery that it waits, untried', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    const { dueAt, ...fate } = await fateOf(log, record.id, 'a');
    assert.ok(dueAt instanceof Date);
    assert.deepEqual(fate, {
      eventId: record.id,
      handler: 'a',
      state: 'pending',
      attempt: 0,
      leasedUntil: undefined,
      worker: undefined,
      finishedAt: undefined,
      firstError: undefined,
      lastError: undefined,
      reason: undefined,
      key: undefined,
      waitsFor: undefined,
    });
  });

  test('compares types to the letter', async ({ log }) => {
    await register(log, handlerOf('a', { types: ['Order%', 'Order_laced', 'orderplaced'] }));
    await publish(log, 's', newRecord('OrderPlaced'));
    assert.deepEqual(await claim(log, 'a'), []);
  });

  test('makes none for a handler of no types, and one where a type is listed twice', async ({ log }) => {
    await register(log, handlerOf('none', { types: [] }), handlerOf('twice', { types: ['A', 'A'] }));
    const record = newRecord('A');
    await publish(log, 's', record);
    assert.deepEqual(await statesOf(log, record.id), { twice: 'pending' });
  });

  test('makes them for events without a stream', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, undefined, record);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [record.id]);
  });

  test('makes no more when an event is linked, overwritten or loses its stream', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord('A');
    await publish(log, 's', record);
    await log.link({ stream: 't', expected: undefined, eventIds: [record.id] });
    await log.overwrite([{ ...record, type: 'B' }]);
    await log.deleteStream('s');
    await sequenceAll(log);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [record.id]);
  });

  test('makes them whoever gives the events their positions', async ({ log }) => {
    await register(log, 'a');
    const [first, second] = [newRecord(), newRecord()] as const;
    await store(log, 's', first);
    assert.equal((await read(log)).length, 1);
    assert.deepEqual(await statesOf(log, first.id), { a: 'pending' });
    await store(log, 's', second);
    assert.equal(typeof (await log.positionOf(second.id)), 'bigint');
    assert.deepEqual(await statesOf(log, second.id), { a: 'pending' });
  });

  test('has nothing left to sequence once it has sequenced', async ({ log }) => {
    await register(log, 'a');
    await publish(log, 's', newRecord());
    assert.equal(await deliveriesOf(log).sequence(), 0);
    assert.equal((await claim(log, 'a')).length, 1);
  });

  test('has sequenced everything once all is said to be', async ({ log, beside }) => {
    await register(log, 'a');
    const records = newRecords(12);
    await store(log, 's', ...records);
    await Promise.all([deliveriesOf(beside).sequence(), deliveriesOf(log).sequenceAll()]);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), idsOf(records));
  });

  test('leaves out no event of a long backlog', async ({ log }) => {
    await register(log, 'a');
    const records = newRecords(2_500);
    await publish(log, 's', ...records);
    const claimed: string[] = [];
    for (let round = 0; round < 3; round += 1) claimed.push(...eventIdsOf(await claim(log, 'a')));
    assert.deepEqual(claimed, idsOf(records));
  });

  test('makes each once when many sequence at the same time', async ({ log, beside }) => {
    await register(log, 'a', 'b');
    const records = newRecords(40);
    const publishing = records.map(async (record, nth) => {
      await log.append([appendOf(`s${nth % 4}`, [record])]);
      await Promise.all([deliveriesOf(log).sequence(), deliveriesOf(beside).sequence()]);
    });
    await Promise.all(publishing);
    await sequenceAll(log);
    await eventually('every event has its deliveries', async () => {
      const fates = await Promise.all(records.map(({ id }) => deliveriesOf(log).fatesOf(id)));
      return fates.every((each) => each.length === 2) || undefined;
    });
    const pairs = pairsOf(await claim(log, ['a', 'b']));
    assert.equal(pairs.length, 80);
    assert.equal(new Set(pairs).size, 80);
  });

  transactionTest(
    'makes them when the transaction has committed, and not before',
    async ({ log, inTransaction }) => {
      await register(log, 'a');
      const record = newRecord();
      await inTransaction(async () => {
        await store(log, 's', record);
        assert.deepEqual(await statesOf(log, record.id), {});
      });
      await sequenceAll(log);
      assert.deepEqual(eventIdsOf(await claim(log, 'a')), [record.id]);
    },
  );

  transactionTest('makes none for what was rolled back', async ({ log, inTransaction }) => {
    await register(log, 'a');
    const [gone, alsoGone, kept] = [newRecord(), newRecord(), newRecord()] as const;
    const whole = inTransaction(async () => {
      await store(log, 's', gone);
      throw regret;
    });
    await assert.rejects(whole, isRegret);
    await inTransaction(async () => {
      const savepoint = inTransaction(async () => {
        await store(log, 's', alsoGone);
        throw regret;
      });
      await assert.rejects(savepoint, isRegret);
      await store(log, 's', kept);
    });
    await sequenceAll(log);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [kept.id]);
    assert.deepEqual(await statesOf(log, gone.id), {});
  });
}
