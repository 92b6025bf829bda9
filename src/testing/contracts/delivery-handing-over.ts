import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import type { HandedDelivery, HandOverRequest } from '../../delivery/delivery-log.js';
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
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { newRecord, newRecords } from './new-record.js';

type HandOverOptions = Partial<Omit<HandOverRequest, 'handlers'>>;

function handOver(
  log: EventLog,
  handler: string,
  options: HandOverOptions = {},
): Promise<readonly HandedDelivery[]> {
  const wish = { limit: 1_000, worker: 's1', leaseFor: long, mostWaiting: 1_000, ...options };
  return deliveriesOf(log).handOver({ handlers: [{ name: handler, limit: 1_000 }], ...wish });
}

async function handOverOne(
  log: EventLog,
  handler: string,
  options: HandOverOptions = {},
): Promise<HandedDelivery> {
  const [handed, ...others] = await handOver(log, handler, options);
  assert.equal(others.length, 0);
  return handed ?? assert.fail(`nothing to hand over for ${handler}`);
}

const byWorker = { worker: 'w1', leaseFor: long };

export function handingOver({ test }: DeliveryTests): void {
  test('leases what is due to a scheduler, oldest first, without counting an attempt', async ({ log }) => {
    await register(log, 'a', 'b');
    const records = newRecords(3);
    await publish(log, 's', ...records);
    const handed = await handOver(log, 'a', { worker: 's1' });
    assert.deepEqual(
      handed.map(({ handler, eventId }) => `${handler} ${eventId}`),
      records.map(({ id }) => `a ${id}`),
    );
    assert.equal(new Set(handed.map(({ token }) => token)).size, 3);
    const { state, attempt, worker, leasedUntil, dueAt } = await fateOf(log, records[0]?.id ?? '', 'a');
    assert.deepEqual(
      { state, attempt, worker, dueAt },
      { state: 'queued', attempt: 0, worker: 's1', dueAt: undefined },
    );
    assert.ok(leasedUntil instanceof Date);
    assert.deepEqual(await handOver(log, 'a'), []);
    assert.deepEqual(await claim(log, 'a'), []);
    assert.equal((await claim(log, 'b')).length, 3);
  });

  test('hands over no more than asked for, and than may wait at once', async ({ log, beside }) => {
    await register(log, 'a');
    await publish(log, 's', ...newRecords(6));
    assert.equal((await handOver(log, 'a', { limit: 2 })).length, 2);
    assert.equal((await handOver(beside, 'a', { mostWaiting: 5 })).length, 3);
    assert.deepEqual(await handOver(log, 'a', { mostWaiting: 5 }), []);
    assert.deepEqual(await handOver(log, 'a', { limit: 0 }), []);
    assert.equal((await handOver(log, 'a')).length, 1);
  });

  test('makes room for others when a worker takes one', async ({ log }) => {
    await register(log, 'a');
    await publish(log, 's', ...newRecords(2));
    const { token } = await handOverOne(log, 'a', { mostWaiting: 1 });
    assert.deepEqual(await handOver(log, 'a', { mostWaiting: 1 }), []);
    await deliveriesOf(log).take([token], byWorker);
    assert.equal((await handOver(log, 'a', { mostWaiting: 1 })).length, 1);
  });

  test('lets a worker anywhere take it once, and counts the attempt then', async ({ log, beside }) => {
    await register(log, 'a');
    const record = newRecord('SomethingHappened', { answer: 42 });
    await publish(log, 's', record);
    const { token } = await handOverOne(log, 'a');
    const [taken, ...others] = await deliveriesOf(beside).take([token], { worker: 'w2', leaseFor: long });
    assert.ok(taken);
    assert.deepEqual(others, []);
    assert.deepEqual(
      { handler: taken.handler, id: taken.event.id, data: taken.event.data, attempt: taken.attempt },
      { handler: 'a', id: record.id, data: { answer: 42 }, attempt: 1 },
    );
    assert.notEqual(taken.token, token);
    const { state, worker } = await fateOf(log, record.id, 'a');
    assert.deepEqual({ state, worker }, { state: 'running', worker: 'w2' });
    assert.deepEqual(await deliveriesOf(log).take([token], byWorker), []);
    assert.deepEqual(await deliveriesOf(log).complete([taken.token]), []);
    assert.equal((await fateOf(log, record.id, 'a')).state, 'done');
  });

  test('takes many at once, and leaves out what no longer holds', async ({ log }) => {
    await register(log, 'a');
    await publish(log, 's', ...newRecords(3));
    const [first, second, third] = await handOver(log, 'a');
    const token = first?.token ?? '';
    await deliveriesOf(log).release([third?.token ?? '']);
    const tokens = [foreignToken(), token, third?.token ?? '', token, second?.token ?? ''];
    const taken = await deliveriesOf(log).take(tokens, byWorker);
    assert.deepEqual(
      taken.map(({ event }) => event.id).toSorted(),
      [first?.eventId ?? '', second?.eventId ?? ''].toSorted(),
    );
    assert.deepEqual(await deliveriesOf(log).take([], byWorker), []);
  });

  // H8
  test('gives nothing for a token of a worker, nor for one of a scheduler to who completes', async ({
    log,
  }) => {
    await register(log, 'a', 'b');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a');
    assert.deepEqual(await deliveriesOf(log).take([token], byWorker), []);
    const handed = await handOverOne(log, 'b');
    const failure = { token: handed.token, error: errorOf('no'), next: { kind: 'dead' } } as const;
    assert.deepEqual(await deliveriesOf(log).complete([handed.token]), [handed.token]);
    assert.deepEqual(await deliveriesOf(log).fail([failure]), [handed.token]);
    assert.equal((await fateOf(log, record.id, 'b')).state, 'queued');
  });

  test('has it due again when the lease of the scheduler is over, under another token', async ({ log }) => {
    await register(log, handlerOf('a', { attempts: 1 }));
    await publish(log, 's', newRecord());
    const late = await handOverOne(log, 'a', { leaseFor: 1 });
    const again = await eventually('it is handed over again', async () => (await handOver(log, 'a'))[0]);
    assert.equal(again.eventId, late.eventId);
    assert.notEqual(again.token, late.token);
    assert.deepEqual(await deliveriesOf(log).take([late.token], byWorker), []);
    assert.equal((await deliveriesOf(log).take([again.token], byWorker))[0]?.attempt, 1);
  });

  test('lets workers without a scheduler have what one has forgotten', async ({ log }) => {
    await register(log, 'a');
    await publish(log, 's', newRecord());
    const { eventId } = await handOverOne(log, 'a', { leaseFor: 1 });
    const claimed = await claimOnceDue(log, 'a');
    assert.deepEqual([claimed.event.id, claimed.attempt], [eventId, 1]);
  });

  test('tells what waits at a scheduler, soonest to be due first', async ({ log, beside }) => {
    await register(log, 'a', 'b');
    await publish(log, 's', ...newRecords(3));
    const far = await handOver(log, 'a', { limit: 1, leaseFor: long });
    const near = await handOver(log, 'a', { limit: 1, leaseFor: long / 2 });
    const taken = await handOver(log, 'a', { limit: 1 });
    await deliveriesOf(log).take(
      taken.map(({ token }) => token),
      byWorker,
    );
    const ask = (within: number, limit = 10) => deliveriesOf(beside).handedOver(['a'], { within, limit });
    assert.deepEqual(await ask(2 * long), [...near, ...far]);
    assert.deepEqual(await ask((long * 3) / 4), near);
    assert.deepEqual(await ask(2 * long, 1), near);
    assert.deepEqual(await ask(1), []);
    assert.deepEqual(await deliveriesOf(log).handedOver(['b'], { within: 2 * long, limit: 10 }), []);
    assert.deepEqual(await deliveriesOf(log).handedOver([], { within: 2 * long, limit: 10 }), []);
  });

  test('keeps it at the scheduler for longer by renewing its lease', async ({ log }) => {
    await register(log, 'a', 'clock');
    await publish(log, 's', newRecord());
    const { token } = await handOverOne(log, 'a', { leaseFor: 1 });
    const stale = foreignToken();
    assert.deepEqual(await deliveriesOf(log).renew([token, stale], long), [stale]);
    await claimOne(log, 'clock', { leaseFor: 1 });
    await claimOnceDue(log, 'clock');
    assert.deepEqual(await handOver(log, 'a'), []);
    assert.equal((await deliveriesOf(log).take([token], byWorker)).length, 1);
    assert.deepEqual(await deliveriesOf(log).renew([token], long), [token]);
  });

  test('takes it back from a scheduler, due at once', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await handOverOne(log, 'a');
    await deliveriesOf(log).release([token]);
    const { state, attempt, leasedUntil } = await fateOf(log, record.id, 'a');
    assert.deepEqual(
      { state, attempt, leasedUntil },
      { state: 'pending', attempt: 0, leasedUntil: undefined },
    );
    assert.deepEqual(await deliveriesOf(log).take([token], byWorker), []);
    assert.equal((await claimOne(log, 'a')).attempt, 1);
  });

  test('hands over one of each key, and the next when it is done', async ({ log }) => {
    await register(log, handlerOf('a', { ordered: true }));
    const records = newRecords(2);
    await publish(log, 's', ...records);
    const deliveries = deliveriesOf(log);
    assert.deepEqual(await handOver(log, 'a'), []);
    const unkeyed = await deliveries.unkeyed(['a'], 10);
    await deliveries.assignKeys(unkeyed.map(({ place }) => ({ place, key: 'same' })));
    const first = await handOverOne(log, 'a');
    assert.equal(first.eventId, records[0]?.id);
    const [taken] = await deliveries.take([first.token], byWorker);
    assert.deepEqual(await handOver(log, 'a'), []);
    await deliveries.complete([taken?.token ?? '']);
    assert.equal((await handOverOne(log, 'a')).eventId, records[1]?.id);
  });
}
