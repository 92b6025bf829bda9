import assert from 'node:assert/strict';
import {
  claim,
  claimOnceDue,
  claimOne,
  deliveriesOf,
  errorOf,
  eventually,
  fateOf,
  foreignToken,
  handlerOf,
  long,
  publish,
  register,
  statesOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { newRecord } from './new-record.js';

export function leases({ test }: DeliveryTests): void {
  test('lets another worker take over what a dead one held, with a new token', async ({ log, beside }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    const lost = await claimOne(log, 'a', { worker: 'w1', leaseFor: 1 });
    const taken = await claimOnceDue(beside, 'a', { worker: 'w2' });
    assert.equal(taken.event.id, record.id);
    assert.equal(taken.attempt, 2);
    assert.notEqual(taken.token, lost.token);
    assert.equal((await fateOf(log, record.id, 'a')).worker, 'w2');
  });

  // H8
  test('refuses whatever the one that lost its lease still wants', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a', { leaseFor: 1 });
    const taken = await claimOnceDue(log, 'a', { worker: 'w2' });
    const before = await fateOf(log, record.id, 'a');
    const deliveries = deliveriesOf(log);
    const failure = { token, error: errorOf('late'), next: { kind: 'dead' } } as const;
    assert.deepEqual(await deliveries.complete([token]), [token]);
    assert.deepEqual(await deliveries.fail([failure]), [token]);
    assert.deepEqual(await deliveries.renew([token], long), [token]);
    await deliveries.release([token]);
    assert.deepEqual(await fateOf(log, record.id, 'a'), before);
    assert.deepEqual(await deliveries.complete([taken.token]), []);
  });

  test('lets a slow worker finish as long as nobody has taken over', async ({ log }) => {
    await register(log, 'a', 'clock');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a', { leaseFor: 1 });
    await claimOne(log, 'clock', { leaseFor: 1 });
    await claimOnceDue(log, 'clock');
    assert.deepEqual(await deliveriesOf(log).complete([token]), []);
    assert.equal((await fateOf(log, record.id, 'a')).state, 'done');
  });

  // H10
  test('gives up on a delivery that has used up its attempts in lost leases', async ({ log }) => {
    await register(log, handlerOf('a', { attempts: 2 }), 'b');
    const [poison, harmless] = [newRecord(), newRecord()] as const;
    await publish(log, 's', poison);
    await claimOne(log, 'a', { leaseFor: 1 });
    const last = await claimOnceDue(log, 'a', { leaseFor: 1 });
    assert.equal(last.attempt, 2);
    await eventually('it is dead', async () => {
      assert.deepEqual(await claim(log, 'a'), []);
      return (await fateOf(log, poison.id, 'a')).state === 'dead' || undefined;
    });
    const { attempt, finishedAt, leasedUntil, dueAt, lastError } = await fateOf(log, poison.id, 'a');
    assert.deepEqual(
      { attempt, leasedUntil, dueAt },
      { attempt: 2, leasedUntil: undefined, dueAt: undefined },
    );
    assert.ok(finishedAt instanceof Date);
    assert.ok(lastError, 'it says why it is dead');
    assert.deepEqual(await deliveriesOf(log).complete([last.token]), [last.token]);
    await publish(log, 's', harmless);
    assert.equal((await claimOne(log, 'a')).event.id, harmless.id);
    assert.deepEqual(await statesOf(log, poison.id), { a: 'dead', b: 'pending' });
  });

  test('keeps the first error of one that then dies in a lost lease', async ({ log }) => {
    await register(log, handlerOf('a', { attempts: 2 }));
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a');
    const retry = { kind: 'retry', inMs: 0 } as const;
    await deliveriesOf(log).fail([{ token, error: errorOf('at first'), next: retry }]);
    await claimOne(log, 'a', { leaseFor: 1 });
    const dead = await eventually('it is dead', async () => {
      await claim(log, 'a');
      const fate = await fateOf(log, record.id, 'a');
      return fate.state === 'dead' ? fate : undefined;
    });
    assert.equal(dead.firstError?.message, 'at first');
    assert.notEqual(dead.lastError?.message, 'at first');
  });

  test('extends leases', async ({ log, beside }) => {
    await register(log, 'a', 'clock');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a', { leaseFor: 1 });
    const before = await fateOf(log, record.id, 'a');
    const stale = foreignToken();
    assert.deepEqual(await deliveriesOf(log).renew([stale, token], long), [stale]);
    await claimOne(log, 'clock', { leaseFor: 1 });
    await claimOnceDue(log, 'clock');
    assert.deepEqual(await claim(beside, 'a', { worker: 'w2' }), []);
    const after = await fateOf(log, record.id, 'a');
    assert.ok(Number(after.leasedUntil) > Number(before.leasedUntil));
    assert.equal(after.attempt, 1);
    assert.deepEqual(await deliveriesOf(log).complete([token]), []);
  });

  test('can shorten one too: it ends at the time given last', async ({ log }) => {
    await register(log, 'a');
    await publish(log, 's', newRecord());
    const { token } = await claimOne(log, 'a');
    await deliveriesOf(log).renew([token], 1);
    assert.equal((await claimOnceDue(log, 'a')).attempt, 2);
  });

  test('takes leases back at once, without counting the attempt', async ({ log, beside }) => {
    await register(log, handlerOf('a', { attempts: 1 }));
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a');
    await deliveriesOf(log).release([foreignToken(), token]);
    const { state, attempt, leasedUntil, worker, firstError } = await fateOf(log, record.id, 'a');
    assert.deepEqual(
      { state, attempt, leasedUntil, worker, firstError },
      { state: 'pending', attempt: 0, leasedUntil: undefined, worker: undefined, firstError: undefined },
    );
    const again = await claimOne(beside, 'a', { worker: 'w2' });
    assert.equal(again.attempt, 1);
    assert.deepEqual(await deliveriesOf(log).complete([token]), [token]);
    assert.deepEqual(await deliveriesOf(log).complete([again.token]), []);
  });

  test('takes nothing where there is nothing to take', async ({ log }) => {
    const deliveries = deliveriesOf(log);
    assert.deepEqual(await deliveries.renew([], long), []);
    assert.deepEqual(await deliveries.complete([]), []);
    assert.deepEqual(await deliveries.fail([]), []);
    await deliveries.release([]);
  });
}
