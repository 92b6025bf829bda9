import assert from 'node:assert/strict';
import {
  assertNotBefore,
  claim,
  claimOnceDue,
  claimOne,
  deliveriesOf,
  fateOf,
  foreignToken,
  publish,
  register,
  sequenceAll,
  statesOf,
  tokensOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { readIds, store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';
import { isRegret, regret } from './regret.js';

export function completing({ test, transactionTest }: DeliveryTests): void {
  test('marks a delivery done for good, and leaves those of other handlers alone', async ({ log }) => {
    await register(log, 'a', 'b');
    const record = newRecord();
    const { timestamp } = await store(log, 's', record);
    await sequenceAll(log);
    const { token } = await claimOne(log, 'a', { leaseFor: 1 });
    assert.deepEqual(await deliveriesOf(log).complete([token]), []);
    const { state, attempt, dueAt, leasedUntil, finishedAt } = await fateOf(log, record.id, 'a');
    assert.deepEqual(
      { state, attempt, dueAt, leasedUntil },
      { state: 'done', attempt: 1, dueAt: undefined, leasedUntil: undefined },
    );
    assertNotBefore(finishedAt, timestamp.getTime());
    await claimOne(log, 'b', { leaseFor: 1 });
    await claimOnceDue(log, 'b');
    assert.deepEqual(await claim(log, 'a'), []);
  });

  test('marks many at once, and answers with the tokens that do not hold', async ({ log }) => {
    await register(log, 'a', 'b');
    const records = newRecords(50);
    await publish(log, 's', ...records);
    const tokens = tokensOf(await claim(log, ['a', 'b']));
    const stale = [foreignToken(), foreignToken()] as const;
    const mixed = [stale[0], ...tokens, stale[1]];
    assert.deepEqual((await deliveriesOf(log).complete(mixed)).toSorted(), stale.toSorted());
    for (const { id } of records) assert.deepEqual(await statesOf(log, id), { a: 'done', b: 'done' });
  });

  test('does not take a token twice', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a');
    await deliveriesOf(log).complete([token]);
    const before = await fateOf(log, record.id, 'a');
    assert.deepEqual(await deliveriesOf(log).complete([token]), [token]);
    assert.deepEqual(await fateOf(log, record.id, 'a'), before);
  });

  transactionTest(
    'commits with the transaction it is in, and what was recorded there',
    async ({ log, inTransaction }) => {
      await register(log, 'a');
      const [cause, effect] = [newRecord('A'), newRecord('B')] as const;
      await publish(log, 's', cause);
      const { token } = await claimOne(log, 'a');
      await inTransaction(async () => {
        await store(log, 's', effect);
        assert.deepEqual(await deliveriesOf(log).complete([token]), []);
      });
      await sequenceAll(log);
      assert.deepEqual(await statesOf(log, cause.id), { a: 'done' });
      assert.deepEqual(await statesOf(log, effect.id), { a: 'pending' });
      assert.deepEqual(await deliveriesOf(log).complete([token]), [token]);
    },
  );

  transactionTest(
    'vanishes with the transaction it is in, and is still held then',
    async ({ log, inTransaction }) => {
      await register(log, 'a');
      const record = newRecord();
      await publish(log, 's', record);
      const { token } = await claimOne(log, 'a');
      const before = await fateOf(log, record.id, 'a');
      const whole = inTransaction(async () => {
        assert.deepEqual(await deliveriesOf(log).complete([token]), []);
        throw regret;
      });
      await assert.rejects(whole, isRegret);
      assert.deepEqual(await fateOf(log, record.id, 'a'), before);
      assert.deepEqual(await deliveriesOf(log).complete([token]), []);
    },
  );

  transactionTest('vanishes with a savepoint, too', async ({ log, inTransaction }) => {
    await register(log, 'a');
    const [gone, kept] = [newRecord(), newRecord()] as const;
    await publish(log, 's', gone, kept);
    const [first, second] = tokensOf(await claim(log, 'a'));
    assert.ok(first !== undefined && second !== undefined);
    await inTransaction(async () => {
      const savepoint = inTransaction(async () => {
        await deliveriesOf(log).complete([first]);
        throw regret;
      });
      await assert.rejects(savepoint, isRegret);
      assert.deepEqual(await inTransaction(() => deliveriesOf(log).complete([second])), []);
    });
    assert.deepEqual(await statesOf(log, gone.id), { a: 'running' });
    assert.deepEqual(await statesOf(log, kept.id), { a: 'done' });
  });

  // H8
  transactionTest(
    'tells a transaction that it comes too late, and leaves it healthy',
    async ({ log, inTransaction }) => {
      await register(log, 'a');
      const [cause, late, healthy] = [newRecord(), newRecord(), newRecord()] as const;
      await publish(log, 's', cause);
      const { token } = await claimOne(log, 'a', { leaseFor: 1 });
      await claimOnceDue(log, 'a', { worker: 'w2' });
      const fenced = inTransaction(async () => {
        await store(log, 's', late);
        const lost = await deliveriesOf(log).complete([token]);
        if (lost.length > 0) throw regret;
      });
      await assert.rejects(fenced, isRegret);
      await inTransaction(async () => {
        assert.deepEqual(await deliveriesOf(log).complete([token]), [token]);
        await store(log, 's', healthy);
      });
      assert.deepEqual(await readIds(log), [cause.id, healthy.id]);
      assert.deepEqual(await statesOf(log, cause.id), { a: 'running' });
    },
  );
}
