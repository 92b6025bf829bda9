import assert from 'node:assert/strict';
import type { UnkeyedDelivery } from '../../delivery/delivery-log.js';
import {
  claim,
  claimOne,
  deliveriesOf,
  errorOf,
  eventIdsOf,
  fateOf,
  publish,
  register,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { idsOf } from './log-actions.js';
import {
  handledInTurn,
  keysTold,
  ordered,
  placeOf,
  tellKeys,
  withKey,
  withKeys,
} from './ordering-actions.js';
import { begin } from './open-transaction.js';

function placesIn(unkeyed: readonly UnkeyedDelivery[]): readonly string[] {
  return unkeyed.map(({ place }) => place);
}

export function keys({ test, competingTest }: DeliveryTests): void {
  test('are needed before a worker gets anything', async ({ log }) => {
    await register(log, ordered(), 'b');
    const record = withKey('k');
    await publish(log, 's', record);
    assert.deepEqual(await claim(log, 'a'), []);
    assert.equal(await deliveriesOf(log).nextDueIn(['a']), undefined);
    assert.equal((await claim(log, 'b')).length, 1);
    const place = { state: 'pending', waitsFor: undefined } as const;
    assert.deepEqual(await placeOf(log, record.id), { ...place, key: undefined });
    await tellKeys(log);
    assert.deepEqual(await placeOf(log, record.id), { ...place, key: 'k' });
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [record.id]);
  });

  test('are asked for oldest first, and only those of the handlers that are named', async ({ log }) => {
    await register(log, ordered('a'), ordered('b'), 'unordered');
    const records = withKeys('k', 'l', 'k');
    await publish(log, 's', ...records);
    const found = await deliveriesOf(log).unkeyed(['a', 'unordered', 'unheard-of'], 10);
    assert.deepEqual(
      found.map(({ handler, event }) => [handler, event.id, JSON.stringify(event.data)]),
      records.map(({ id, data }) => ['a', id, data]),
    );
    assert.equal((await deliveriesOf(log).unkeyed(['a', 'b'], 2)).length, 4);
    assert.deepEqual(await deliveriesOf(log).unkeyed([], 10), []);
  });

  test('are taken once when they are told twice', async ({ log, beside }) => {
    await register(log, ordered());
    const [k1, k2] = withKeys('k', 'k');
    await publish(log, 's', k1, k2);
    const told = keysTold(await deliveriesOf(log).unkeyed(['a'], 10));
    await deliveriesOf(log).assignKeys(told);
    await deliveriesOf(beside).assignKeys(told.map((each) => ({ ...each, key: 'another' })));
    await deliveriesOf(log).assignKeys(told.map((each) => ({ ...each, key: errorOf('late') })));
    assert.equal((await placeOf(log, k2.id)).key, 'k');
    await deliveriesOf(log).complete([(await claimOne(log, 'a')).token]);
    await deliveriesOf(log).assignKeys(told);
    assert.deepEqual(await handledInTurn(log), [k2.id]);
    await deliveriesOf(log).assignKeys([]);
  });

  test('are not taken of what comes after a delivery that has none', async ({ log }) => {
    await register(log, ordered());
    const records = withKeys('k', 'k', 'k', 'k');
    await publish(log, 's', ...records);
    const missing = async () => placesIn(await deliveriesOf(log).unkeyed(['a'], 10));
    const [k1 = '', k2 = '', k3 = '', k4 = ''] = await missing();
    const tell = (...places: readonly string[]) =>
      deliveriesOf(log).assignKeys(places.map((place) => ({ place, key: 'k' })));
    await tell(k2);
    assert.deepEqual(await missing(), [k1, k2, k3, k4]);
    await tell(k1, k3, k4);
    assert.deepEqual(await missing(), [k2, k3, k4]);
    await tell(k2, k3);
    assert.deepEqual(await missing(), [k4]);
    assert.deepEqual(await handledInTurn(log), idsOf(records));
  });

  test('that cannot be told make a dead letter, which nobody waits for', async ({ log }) => {
    await register(log, ordered());
    const [bad, k1, k2] = [withKey(undefined), withKey('k'), withKey('k')] as const;
    await publish(log, 's', bad, k1, k2);
    assert.deepEqual(await handledInTurn(log), [k1.id, k2.id]);
    const { state, attempt, key, dueAt, finishedAt, firstError, lastError } = await fateOf(log, bad.id, 'a');
    assert.deepEqual(
      { state, attempt, key, dueAt },
      { state: 'dead', attempt: 0, key: undefined, dueAt: undefined },
    );
    assert.equal(lastError?.message, 'no key');
    assert.deepEqual(firstError, lastError);
    assert.ok(finishedAt instanceof Date);
  });

  test('are asked for again when a dead letter without one is retried', async ({ log }) => {
    await register(log, ordered());
    const [late, ...others] = [withKey(undefined), ...withKeys('k', 'k', 'k')] as const;
    await publish(log, 's', late, ...others);
    await tellKeys(log);
    await deliveriesOf(log).retry({ eventId: late.id });
    const missing = await deliveriesOf(log).unkeyed(['a'], 10);
    assert.deepEqual(
      missing.map(({ event }) => event.id),
      [late.id],
    );
    await tellKeys(log, ['a'], () => 'k');
    assert.deepEqual(await handledInTurn(log), idsOf([late, ...others]));
  });

  test('that come late let their event wait for a later one that runs, and then go first', async ({
    log,
  }) => {
    await register(log, ordered());
    const [late, k1, k2, k3] = [withKey(undefined), ...withKeys('k', 'k', 'k')] as const;
    await publish(log, 's', late, k1, k2, k3);
    await tellKeys(log);
    const running = await claimOne(log, 'a');
    await deliveriesOf(log).retry({ eventId: late.id });
    await tellKeys(log, ['a'], () => 'k');
    assert.deepEqual(await claim(log, 'a'), []);
    assert.equal((await placeOf(log, late.id)).waitsFor, k1.id);
    await deliveriesOf(log).complete([running.token]);
    assert.deepEqual(await handledInTurn(log), [late.id, k2.id, k3.id]);
  });

  test('that come late let their event go before a later one that is dead', async ({ log }) => {
    await register(log, ordered());
    const [late, k1, k2] = [withKey(undefined), ...withKeys('k', 'k')] as const;
    await publish(log, 's', late, k1, k2);
    await tellKeys(log);
    const { token } = await claimOne(log, 'a');
    await deliveriesOf(log).fail([{ token, error: errorOf('no'), next: { kind: 'dead' } }]);
    await deliveriesOf(log).retry({ eventId: late.id });
    await tellKeys(log, ['a'], () => 'k');
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [late.id]);
    await deliveriesOf(log).retry({ eventId: k1.id });
    await tellKeys(log);
    assert.deepEqual(await claim(log, 'a'), []);
  });

  test('are not asked for again once their delivery without one is skipped', async ({ log }) => {
    await register(log, ordered());
    await publish(log, 's', withKey(undefined));
    await tellKeys(log);
    assert.equal(await deliveriesOf(log).skip({ handler: 'a' }, 'no key'), 1);
    assert.deepEqual(await deliveriesOf(log).unkeyed(['a'], 10), []);
  });

  test('are told by many at once without harm', async ({ log, beside }) => {
    await register(log, ordered());
    const records = Array.from({ length: 60 }, (_, nth) => withKey(`k${nth % 4}`));
    await publish(log, 's', ...records);
    await Promise.all([log, beside, log, beside].map((each) => tellKeys(each)));
    await tellKeys(log);
    assert.equal((await claim(log, 'a')).length, 4);
    const fates = await Promise.all(records.map(({ id }) => placeOf(log, id)));
    assert.deepEqual(
      fates.map(({ key }) => key),
      records.map((_, nth) => `k${nth % 4}`),
    );
  });

  competingTest(
    'do not wait for an open transaction that has completed what comes before',
    async ({ log, beside, inTransaction }) => {
      for (const end of ['commit', 'rollBack'] as const) {
        await register(log, ordered());
        const [first, second, other] = [withKey(end), withKey(end), withKey(`other-${end}`)] as const;
        await publish(log, 's', first);
        await tellKeys(log);
        const { token } = await claimOne(log, 'a');
        const transaction = await begin(inTransaction);
        await transaction.step(() => deliveriesOf(log).complete([token]));
        await publish(beside, 's', second, other);
        await tellKeys(beside);
        assert.deepEqual(eventIdsOf(await claim(beside, 'a')), [other.id]);
        await transaction[end]();
        if (end === 'rollBack') await deliveriesOf(log).complete([token]);
        assert.deepEqual(await handledInTurn(beside), [second.id]);
      }
    },
  );
}
