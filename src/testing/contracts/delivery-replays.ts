import assert from 'node:assert/strict';
import { claim, deliveriesOf, errorOf, publish, register, tokensOf } from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { newRecords } from './new-record.js';
import { figures, handleAll, madeDue, startReplay } from './replay-actions.js';

export function replays({ test }: DeliveryTests): void {
  test('says at each moment how many events there are, are done, and are dead', async ({ log, beside }) => {
    await register(log, 'a');
    await publish(log, 's', ...newRecords(4));
    await handleAll(log, 'a');
    await startReplay(log, 'a');
    const look = () => figures(beside, 'a');
    assert.deepEqual(await look(), { total: 4, done: 0, dead: 0 });
    const [first = '', second = '', third = '', fourth = ''] = tokensOf(await claim(log, 'a'));
    assert.deepEqual(await look(), { total: 4, done: 0, dead: 0 });
    await deliveriesOf(log).complete([first]);
    assert.deepEqual(await look(), { total: 4, done: 1, dead: 0 });
    const error = errorOf('no');
    await deliveriesOf(log).fail([
      { token: second, error, next: { kind: 'dead' } },
      { token: third, error, next: { kind: 'retry', inMs: 0 } },
    ]);
    assert.deepEqual(await look(), { total: 4, done: 1, dead: 1 });
    await deliveriesOf(log).complete([fourth]);
    await handleAll(log, 'a');
    assert.deepEqual(await look(), { total: 4, done: 3, dead: 1 });
    await deliveriesOf(log).skip({ handler: 'a' }, 'broken');
    assert.deepEqual(await look(), { total: 4, done: 4, dead: 0 });
    await publish(log, 's', ...newRecords(3));
    await handleAll(log, 'a');
    assert.deepEqual(await look(), { total: 4, done: 4, dead: 0 });
  });

  test('keeps one that is started again while it is under way, and gets a new one after its end', async ({
    log,
    beside,
  }) => {
    await register(log, 'a', 'b');
    await publish(log, 's', ...newRecords(3));
    await handleAll(log, 'a');
    const first = await startReplay(log, 'a', { reason: 'first' });
    await madeDue(log, 'a');
    const [done = '', ...others] = tokensOf(await claim(log, 'a'));
    await deliveriesOf(log).complete([done]);
    const again = await startReplay(beside, 'a', { reason: 'second' });
    assert.deepEqual([again.id, again.reason, again.resumed], [first.id, 'first', true]);
    assert.deepEqual([again.total, again.done], [3, 1]);
    assert.equal((await deliveriesOf(log).replays()).length, 1);
    assert.equal((await startReplay(log, 'b')).resumed, false);

    assert.deepEqual(await deliveriesOf(log).complete(others), []);
    const next = await startReplay(log, 'a', { reason: 'third' });
    assert.notEqual(next.id, first.id);
    assert.deepEqual([next.reason, next.resumed, next.total], ['third', false, 3]);
    const listed = await deliveriesOf(beside).replays('a');
    assert.deepEqual(
      listed.map(({ reason }) => reason),
      ['third', 'first'],
    );
    await madeDue(log, 'a');
    assert.equal((await handleAll(log, 'a')).length, 3);
  });

  test('has one replay when many start it at once', async ({ log, beside }) => {
    await register(log, 'a');
    await publish(log, 's', ...newRecords(3));
    await handleAll(log, 'a');
    const started = await Promise.all([log, beside, log, beside].map((each) => startReplay(each, 'a')));
    assert.equal(new Set(started.map(({ id }) => id)).size, 1);
    assert.equal(started.filter(({ resumed }) => !resumed).length, 1);
    await madeDue(log, 'a');
    assert.equal((await handleAll(log, 'a')).length, 3);
  });
}
