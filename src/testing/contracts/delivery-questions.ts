import assert from 'node:assert/strict';
import {
  bury,
  claim,
  claimOne,
  deliveriesOf,
  errorOf,
  handlerOf,
  long,
  publish,
  register,
  statesOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { newRecord } from './new-record.js';

export function questions({ test }: DeliveryTests): void {
  test('tell what became of an event for each handler, by name', async ({ log, beside }) => {
    await register(log, 'd', 'b', 'a', 'c', handlerOf('stranger', { types: ['Other'] }));
    const [record, other] = [newRecord(), newRecord()] as const;
    await publish(log, 's', record);
    await deliveriesOf(log).complete([(await claimOne(log, 'a')).token]);
    await bury(log, 'b');
    await claimOne(log, 'c');
    await publish(log, 's', other);
    const fates = await deliveriesOf(beside).fatesOf(record.id);
    assert.deepEqual(
      fates.map(({ eventId, handler, state }) => [eventId, handler, state]),
      [
        [record.id, 'a', 'done'],
        [record.id, 'b', 'dead'],
        [record.id, 'c', 'running'],
        [record.id, 'd', 'pending'],
      ],
    );
  });

  test('find nothing for an event that is unknown or that nobody hears', async ({ log }) => {
    await register(log, handlerOf('a', { types: ['Other'] }));
    const [unheard, unknown] = [newRecord(), newRecord()] as const;
    await publish(log, 's', unheard);
    assert.deepEqual(await deliveriesOf(log).fatesOf(unheard.id), []);
    assert.deepEqual(await deliveriesOf(log).fatesOf(unknown.id), []);
  });

  test('tell when the next delivery falls due, of the handlers asked for', async ({ log }) => {
    const nextDueIn = (...names: readonly string[]) => deliveriesOf(log).nextDueIn(names);
    await register(log, 'soon', 'later', 'idle');
    assert.equal(await nextDueIn('soon', 'later', 'idle', 'unheard-of'), undefined);
    await publish(log, 's', newRecord());
    assert.equal(await nextDueIn('soon'), 0);
    for (const [name, inMs] of [['soon', long] as const, ['later', 2 * long] as const]) {
      const { token } = await claimOne(log, name);
      const next = { kind: 'retry', inMs } as const;
      await deliveriesOf(log).fail([{ token, error: errorOf('no'), next }]);
    }
    await deliveriesOf(log).complete([(await claimOne(log, 'idle')).token]);
    const [soon, later, both] = [
      await nextDueIn('soon'),
      await nextDueIn('later', 'idle'),
      await nextDueIn('later', 'soon'),
    ];
    assert.ok(soon !== undefined && soon > long / 2 && soon <= long, `${soon}`);
    assert.ok(later !== undefined && later > long && later <= 2 * long, `${later}`);
    assert.ok(both !== undefined && both > long / 2 && both <= long, `${both}`);
    assert.equal(await nextDueIn('idle'), undefined);
    assert.equal(await nextDueIn(), undefined);
  });

  test('keep what an orphaned handler waits for', async ({ log }) => {
    await register(log, 'removed-from-the-code');
    const record = newRecord();
    await publish(log, 's', record);
    await register(log, 'new');
    assert.deepEqual(await claim(log, 'new'), []);
    assert.deepEqual(await statesOf(log, record.id), { 'removed-from-the-code': 'pending' });
    const known = (await deliveriesOf(log).registrations()).map(({ name }) => name);
    assert.deepEqual(known, ['new', 'removed-from-the-code']);
  });
}
