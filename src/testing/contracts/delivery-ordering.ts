import assert from 'node:assert/strict';
import {
  bury,
  claim,
  claimOnceDue,
  claimOne,
  deliveriesOf,
  errorOf,
  eventIdsOf,
  long,
  publish,
  register,
  tokensOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { idsOf } from './log-actions.js';
import { begun, handledInTurn, ordered, placeOf, tellKeys, withKey, withKeys } from './ordering-actions.js';

const retry = { error: errorOf('no'), next: { kind: 'retry', inMs: 0 } } as const;
const retryLater = { error: errorOf('no'), next: { kind: 'retry', inMs: long } } as const;

export function ordering({ test, transactionTest }: DeliveryTests): void {
  test('gives the first of each key, and the next when it is done', async ({ log, beside }) => {
    const [k1, k2, l1, k3] = await begun(log, withKeys('k', 'k', 'l', 'k'));
    const claimed = await claim(log, 'a');
    assert.deepEqual(eventIdsOf(claimed), [k1.id, l1.id]);
    assert.deepEqual(await claim(beside, 'a'), []);
    await deliveriesOf(log).complete(tokensOf(claimed));
    const next = await claimOne(beside, 'a');
    assert.equal(next.event.id, k2.id);
    assert.deepEqual(await claim(log, 'a'), []);
    await deliveriesOf(beside).complete([next.token]);
    assert.equal((await claimOne(log, 'a')).event.id, k3.id);
  });

  test('hands the first of each key over to a scheduler, and no other', async ({ log }) => {
    const [k1, k2] = await begun(log, withKeys('k', 'k'));
    const handlers = [{ name: 'a', limit: 10 }];
    const lease = { worker: 's', leaseFor: long };
    const handed = await deliveriesOf(log).handOver({ handlers, limit: 10, mostWaiting: 10, ...lease });
    assert.deepEqual(
      handed.map(({ eventId }) => eventId),
      [k1.id],
    );
    assert.equal((await placeOf(log, k2.id)).waitsFor, k1.id);
    const taken = await deliveriesOf(log).take(
      handed.map(({ token }) => token),
      lease,
    );
    assert.deepEqual(await claim(log, 'a'), []);
    await deliveriesOf(log).complete(tokensOf(taken));
    assert.equal((await claimOne(log, 'a')).event.id, k2.id);
  });

  test('says what a delivery waits for', async ({ log }) => {
    const [first, second, third] = await begun(log, withKeys('k', 'k', 'k'));
    const pending = { state: 'pending', key: 'k' } as const;
    assert.deepEqual(await placeOf(log, first.id), { ...pending, waitsFor: undefined });
    assert.deepEqual(await placeOf(log, second.id), { ...pending, waitsFor: first.id });
    assert.deepEqual(await placeOf(log, third.id), { ...pending, waitsFor: first.id });
    const { token } = await claimOne(log, 'a');
    assert.equal((await placeOf(log, third.id)).waitsFor, first.id);
    await deliveriesOf(log).complete([token]);
    assert.deepEqual(await placeOf(log, first.id), { state: 'done', key: 'k', waitsFor: undefined });
    assert.deepEqual(await placeOf(log, second.id), { ...pending, waitsFor: undefined });
    assert.equal((await placeOf(log, third.id)).waitsFor, second.id);
  });

  test('says when the next of them falls due', async ({ log }) => {
    await begun(log, withKeys('k', 'k'));
    assert.equal(await deliveriesOf(log).nextDueIn(['a']), 0);
    const { token } = await claimOne(log, 'a');
    assert.equal(await deliveriesOf(log).nextDueIn(['a']), undefined);
    await deliveriesOf(log).complete([token]);
    assert.equal(await deliveriesOf(log).nextDueIn(['a']), 0);
  });

  test('keeps the order of each key among many', async ({ log }) => {
    const records = Array.from({ length: 120 }, (_, nth) => withKey(`k${nth % 7}`));
    await begun(log, records);
    const handled = await handledInTurn(log);
    assert.equal(handled.length, 120);
    for (let key = 0; key < 7; key += 1) {
      const own = idsOf(records.filter((_, nth) => nth % 7 === key));
      assert.deepEqual(
        handled.filter((id) => own.includes(id)),
        own,
      );
    }
  });

  test('keeps alike keys apart, and those of several handlers', async ({ log }) => {
    const keys = ['k', 'K', 'k ', 'ü', 'u\u0308', '1', '01', "'; --", '\u{1F600}', 'x'.repeat(255)];
    await register(log, ordered('a'), ordered('b'));
    await publish(log, 's', ...keys.map(withKey));
    await tellKeys(log, ['a', 'b']);
    assert.equal((await claim(log, 'a')).length, keys.length);
    assert.equal((await claim(log, 'b')).length, keys.length);
  });

  test('lets a key wait for the next attempt of what failed, and no other key', async ({ log }) => {
    const [k1, k2, l1] = await begun(log, withKeys('k', 'k', 'l'));
    const [failed] = await claim(log, 'a', { limit: 1 });
    await deliveriesOf(log).fail([{ token: failed?.token ?? '', ...retryLater }]);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [l1.id]);
    assert.equal((await placeOf(log, k2.id)).waitsFor, k1.id);
  });

  test('tries what failed again before what comes after it', async ({ log }) => {
    const records = await begun(log, withKeys('k', 'k'));
    const { token } = await claimOne(log, 'a');
    await deliveriesOf(log).fail([{ token, ...retry }]);
    assert.deepEqual(await handledInTurn(log), idsOf(records));
  });

  // H10
  test('stops a key behind its dead letter, and no other key', async ({ log }) => {
    const [k1, k2, l1, l2] = await begun(log, withKeys('k', 'k', 'l', 'l'));
    const [{ token } = assert.fail()] = await claim(log, 'a', { limit: 1 });
    await deliveriesOf(log).fail([{ token, error: errorOf('no'), next: { kind: 'dead' } }]);
    const late = withKey('k');
    await publish(log, 's', late);
    assert.deepEqual((await handledInTurn(log)).toSorted(), [l1.id, l2.id].toSorted());
    for (const { id } of [k2, late]) assert.equal((await placeOf(log, id)).waitsFor, k1.id);
  });

  test('goes on behind a dead letter that is skipped', async ({ log }) => {
    const [, k2, k3] = await begun(log, withKeys('k', 'k', 'k'));
    await bury(log, 'a');
    await deliveriesOf(log).skip({ handler: 'a' }, 'not needed');
    assert.deepEqual(await handledInTurn(log), [k2.id, k3.id]);
  });

  test('goes on with a dead letter that is retried, and then behind it', async ({ log }) => {
    const [k1, k2] = await begun(log, withKeys('k', 'k'));
    await bury(log, 'a');
    const late = withKey('k');
    await publish(log, 's', late);
    await tellKeys(log);
    assert.equal(await deliveriesOf(log).retry({ handler: 'a' }), 1);
    assert.deepEqual(await handledInTurn(log), [k1.id, k2.id, late.id]);
  });

  test('keeps the key of a dead letter, though another is told when it is retried', async ({ log }) => {
    const records = await begun(log, withKeys('k', 'k'));
    await bury(log, 'a');
    await deliveriesOf(log).retry({ eventId: records[0].id });
    await tellKeys(log, ['a'], () => 'another');
    assert.equal((await placeOf(log, records[0].id)).key, 'k');
    assert.deepEqual(await handledInTurn(log), idsOf(records));
  });

  test('gives a key back with its lease, to the same event', async ({ log }) => {
    const records = await begun(log, withKeys('k', 'k'));
    await deliveriesOf(log).release([(await claimOne(log, 'a')).token]);
    assert.deepEqual(await handledInTurn(log), idsOf(records));
  });

  test('takes over what a dead worker held before what comes after it', async ({ log }) => {
    const [k1, k2] = await begun(log, withKeys('k', 'k'));
    const { token } = await claimOne(log, 'a', { leaseFor: 1 });
    const again = await claimOnceDue(log, 'a', { worker: 'w2' });
    assert.equal(again.event.id, k1.id);
    assert.deepEqual(await deliveriesOf(log).complete([token]), [token]);
    assert.deepEqual(await claim(log, 'a'), []);
    await deliveriesOf(log).complete([again.token]);
    assert.deepEqual(await handledInTurn(log), [k2.id]);
  });

  transactionTest('takes a completion back with its transaction', async ({ log, beside, inTransaction }) => {
    const [k1, k2] = await begun(log, withKeys('k', 'k'));
    const { token } = await claimOne(log, 'a');
    const whole = inTransaction(async () => {
      await deliveriesOf(log).complete([token]);
      throw new Error('refused');
    });
    await assert.rejects(whole, /refused/);
    assert.deepEqual(await claim(beside, 'a'), []);
    assert.equal((await placeOf(log, k2.id)).waitsFor, k1.id);
    assert.deepEqual(await deliveriesOf(log).complete([token]), []);
    assert.equal((await claimOne(beside, 'a')).event.id, k2.id);
  });
}
