import assert from 'node:assert/strict';
import type { DeliveryState } from '../../delivery/delivery-log.js';
import type { EventLog } from '../../log/event-log.js';
import {
  bury,
  claim,
  claimOne,
  deliveriesOf,
  errorOf,
  fateOf,
  handlerOf,
  long,
  publish,
  register,
  statesOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { newRecord } from './new-record.js';

/** Two events, each dead for `a` and for `b`; the first died first. */
async function fourDeadLetters(log: EventLog): Promise<readonly [first: string, second: string]> {
  await register(log, 'a', 'b');
  const [first, second] = [newRecord(), newRecord()] as const;
  for (const record of [first, second]) {
    await publish(log, 's', record);
    await bury(log, 'a');
    await bury(log, 'b');
  }
  return [first.id, second.id];
}

/** One event for each state but dead; each for `a` alone. */
async function oneOfEachButDead(log: EventLog): Promise<Readonly<Record<string, DeliveryState>>> {
  await register(log, 'a');
  const [skipped, done, running, pending] = [newRecord(), newRecord(), newRecord(), newRecord()] as const;
  await publish(log, 's', skipped);
  await bury(log, 'a');
  await deliveriesOf(log).skip({}, 'before');
  await publish(log, 's', done);
  await deliveriesOf(log).complete([(await claimOne(log, 'a')).token]);
  await publish(log, 's', running);
  await claimOne(log, 'a');
  await publish(log, 's', pending);
  return { [skipped.id]: 'skipped', [done.id]: 'done', [running.id]: 'running', [pending.id]: 'pending' };
}

export function deadLetters({ test }: DeliveryTests): void {
  test('are listed with their facts, the newest first', async ({ log, beside }) => {
    const [first, second] = await fourDeadLetters(log);
    const all = await deliveriesOf(beside).deadLetters({ limit: 10 });
    assert.deepEqual(
      all.map(({ eventId }) => eventId),
      [second, second, first, first],
    );
    assert.deepEqual(all[0], await fateOf(log, second, all[0]?.handler ?? ''));
    assert.equal(all[0]?.lastError?.message, 'hopeless');
    const latest = await deliveriesOf(log).deadLetters({ limit: 2 });
    assert.deepEqual(latest, all.slice(0, 2));
  });

  test('are listed by handler, by event, or by both', async ({ log }) => {
    const [first, second] = await fourDeadLetters(log);
    const listed = async (query: { handler?: string; eventId?: string }) =>
      (await deliveriesOf(log).deadLetters({ ...query, limit: 10 })).map(
        (each) => `${each.handler} ${each.eventId}`,
      );
    assert.deepEqual(await listed({ handler: 'a' }), [`a ${second}`, `a ${first}`]);
    assert.deepEqual((await listed({ eventId: first })).toSorted(), [`a ${first}`, `b ${first}`]);
    assert.deepEqual(await listed({ handler: 'b', eventId: second }), [`b ${second}`]);
    assert.deepEqual(await listed({ handler: 'unheard-of' }), []);
  });

  test('do not hold deliveries that are not dead', async ({ log }) => {
    await oneOfEachButDead(log);
    assert.deepEqual(await deliveriesOf(log).deadLetters({ limit: 10 }), []);
  });

  test('run again when they are retried: at once, and with all their attempts', async ({ log }) => {
    await register(log, handlerOf('a', { attempts: 1 }));
    const record = newRecord();
    await publish(log, 's', record);
    await bury(log, 'a', 'first life');
    assert.equal(await deliveriesOf(log).retry({}), 1);
    const { state, attempt, finishedAt, dueAt } = await fateOf(log, record.id, 'a');
    assert.deepEqual({ state, attempt, finishedAt }, { state: 'pending', attempt: 0, finishedAt: undefined });
    assert.ok(dueAt instanceof Date);
    assert.equal(await deliveriesOf(log).nextDueIn(['a']), 0);
    assert.equal((await claimOne(log, 'a')).attempt, 1);
    assert.deepEqual(await deliveriesOf(log).deadLetters({ limit: 10 }), []);
  });

  test('may die again', async ({ log }) => {
    const [first, second] = await fourDeadLetters(log);
    assert.equal(await deliveriesOf(log).retry({ eventId: first, handler: 'a' }), 1);
    await bury(log, 'a', 'again');
    const [again, ...others] = await deliveriesOf(log).deadLetters({
      handler: 'a',
      eventId: first,
      limit: 10,
    });
    assert.deepEqual([again?.lastError?.message, again?.attempt, others], ['again', 1, []]);
    assert.equal((await deliveriesOf(log).deadLetters({ limit: 10 })).length, 4);
    assert.equal((await fateOf(log, second, 'a')).lastError?.message, 'hopeless');
  });

  test('are retried by handler, by event, or by both, and counted', async ({ log }) => {
    const [first, second] = await fourDeadLetters(log);
    assert.equal(await deliveriesOf(log).retry({ handler: 'a', eventId: first }), 1);
    assert.deepEqual(await statesOf(log, first), { a: 'pending', b: 'dead' });
    assert.equal(await deliveriesOf(log).retry({ handler: 'a' }), 1);
    assert.deepEqual(await statesOf(log, second), { a: 'pending', b: 'dead' });
    assert.equal(await deliveriesOf(log).retry({ eventId: second }), 1);
    assert.equal(await deliveriesOf(log).retry({ handler: 'unheard-of' }), 0);
    assert.equal(await deliveriesOf(log).retry({}), 1);
    assert.equal((await claim(log, ['a', 'b'])).length, 4);
  });

  test('are skipped for good, and each keeps the reason', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    await bury(log, 'a');
    assert.equal(await deliveriesOf(log).skip({}, 'customer is gone; ticket 7'), 1);
    const { state, reason, attempt, dueAt, finishedAt, lastError } = await fateOf(log, record.id, 'a');
    assert.deepEqual(
      { state, reason, attempt, dueAt, error: lastError?.message },
      {
        state: 'skipped',
        reason: 'customer is gone; ticket 7',
        attempt: 1,
        dueAt: undefined,
        error: 'hopeless',
      },
    );
    assert.ok(finishedAt instanceof Date);
    assert.deepEqual(await deliveriesOf(log).deadLetters({ limit: 10 }), []);
    assert.equal(await deliveriesOf(log).retry({}), 0);
    assert.deepEqual(await claim(log, 'a'), []);
  });

  test('are skipped by handler, by event, or by both, and counted', async ({ log }) => {
    const [first, second] = await fourDeadLetters(log);
    assert.equal(await deliveriesOf(log).skip({ handler: 'b', eventId: second }, 'x'), 1);
    assert.deepEqual(await statesOf(log, second), { a: 'dead', b: 'skipped' });
    assert.equal(await deliveriesOf(log).skip({ handler: 'unheard-of' }, 'x'), 0);
    assert.equal(await deliveriesOf(log).skip({ eventId: first }, 'y'), 2);
    assert.equal((await fateOf(log, second, 'b')).reason, 'x');
    assert.equal(await deliveriesOf(log).skip({ handler: 'a' }, 'z'), 1);
    assert.equal(await deliveriesOf(log).skip({}, 'nothing is left'), 0);
  });

  test('are all that retrying and skipping touch', async ({ log }) => {
    const states = await oneOfEachButDead(log);
    assert.equal(await deliveriesOf(log).retry({}), 0);
    assert.equal(await deliveriesOf(log).skip({}, 'x'), 0);
    for (const [eventId, state] of Object.entries(states))
      assert.deepEqual(await statesOf(log, eventId), { a: state });
  });

  test('leave what waits for its next attempt alone', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a');
    const later = { kind: 'retry', inMs: long } as const;
    await deliveriesOf(log).fail([{ token, error: errorOf('no'), next: later }]);
    assert.equal(await deliveriesOf(log).retry({ eventId: record.id }), 0);
    assert.deepEqual(await claim(log, 'a'), []);
  });
}
