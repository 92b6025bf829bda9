import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import {
  claim,
  claimOnceDue,
  claimOne,
  deliveriesOf,
  eventually,
  pairsOf,
  publish,
  register,
  statesOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { newRecord, newRecords } from './new-record.js';
import { begin } from './open-transaction.js';

/** Until a lease of a millisecond, begun before, is certainly over. */
async function letLeasesEnd(log: EventLog): Promise<void> {
  await claimOne(log, 'clock', { leaseFor: 1 });
  await claimOnceDue(log, 'clock');
}

export function competingDeliveries({ test, transactionTest, competingTest }: DeliveryTests): void {
  test('get each delivery once', async ({ log, beside }) => {
    await register(log, 'a', 'b');
    await publish(log, 's', ...newRecords(60));
    const got: string[] = [];
    const work = async (on: EventLog, worker: string) => {
      const claimed = await claim(on, ['a', 'b'], { limit: 7, worker });
      got.push(...pairsOf(claimed));
      assert.deepEqual(await deliveriesOf(on).complete(claimed.map(({ token }) => token)), []);
    };
    await eventually('everything is delivered', async () => {
      await Promise.all([1, 2, 3, 4].map((nth) => work(nth % 2 === 0 ? log : beside, `w${nth}`)));
      return got.length >= 120 || undefined;
    });
    assert.equal(new Set(got).size, 120);
    assert.equal(got.length, 120);
    assert.deepEqual(await claim(log, ['a', 'b']), []);
  });

  test('take over a lost lease only once', async ({ log, beside }) => {
    await register(log, 'a', 'clock');
    await publish(log, 's', newRecord());
    await claimOne(log, 'a', { leaseFor: 1 });
    await letLeasesEnd(log);
    const takers = [log, beside, log, beside].map((each, nth) => claim(each, 'a', { worker: `w${nth}` }));
    assert.equal((await Promise.all(takers)).flat().length, 1);
  });

  competingTest(
    'leave alone what an open transaction has completed',
    async ({ log, beside, inTransaction }) => {
      await register(log, 'a', 'clock');
      const record = newRecord();
      await publish(log, 's', record);
      const { token } = await claimOne(log, 'a', { leaseFor: 1 });
      const transaction = await begin(inTransaction);
      assert.deepEqual(await transaction.step(() => deliveriesOf(log).complete([token])), []);
      await letLeasesEnd(beside);
      assert.deepEqual(await claim(beside, 'a', { worker: 'w2' }), []);
      await transaction.commit();
      assert.deepEqual(await claim(beside, 'a', { worker: 'w2' }), []);
      assert.equal((await statesOf(log, record.id))['a'], 'done');
    },
  );

  transactionTest(
    'take over what a transaction had completed that was rolled back',
    async ({ log, beside, inTransaction }) => {
      await register(log, 'a');
      await publish(log, 's', newRecord());
      const { token } = await claimOne(log, 'a', { leaseFor: 1 });
      const transaction = await begin(inTransaction);
      await transaction.step(() => deliveriesOf(log).complete([token]));
      await transaction.rollBack();
      assert.equal((await claimOnceDue(beside, 'a', { worker: 'w2' })).attempt, 2);
    },
  );

  // H8
  competingTest(
    'fence out a transaction that was open when its lease was taken over',
    async ({ log, beside, inTransaction }) => {
      await register(log, 'a');
      const record = newRecord();
      await publish(log, 's', record);
      const { token } = await claimOne(log, 'a', { leaseFor: 1 });
      const transaction = await begin(inTransaction);
      await transaction.step(() => deliveriesOf(log).fatesOf(record.id));
      const taken = await claimOnceDue(beside, 'a', { worker: 'w2' });
      assert.deepEqual(await transaction.step(() => deliveriesOf(log).complete([token])), [token]);
      await transaction.rollBack();
      assert.deepEqual(await deliveriesOf(beside).complete([taken.token]), []);
    },
  );

  competingTest(
    'go on with other deliveries while a transaction is open',
    async ({ log, beside, inTransaction }) => {
      await register(log, 'a');
      await publish(log, 's', ...newRecords(2));
      const [held] = await claim(log, 'a', { limit: 1 });
      const transaction = await begin(inTransaction);
      await transaction.step(() => deliveriesOf(log).complete([held?.token ?? '']));
      const { token } = await claimOne(beside, 'a', { worker: 'w2' });
      assert.deepEqual(await deliveriesOf(beside).complete([token]), []);
      await transaction.commit();
    },
  );
}
