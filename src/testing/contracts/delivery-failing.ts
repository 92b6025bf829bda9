import assert from 'node:assert/strict';
import type { FailureReport } from '../../delivery/delivery-log.js';
import type { EventLog } from '../../log/event-log.js';
import {
  assertNotBefore,
  claim,
  claimOnceDue,
  claimOne,
  deliveriesOf,
  errorOf,
  fateOf,
  foreignToken,
  long,
  publish,
  register,
  sequenceAll,
  statesOf,
  tokensOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { store } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';

const dead: FailureReport['next'] = { kind: 'dead' };

function retryIn(inMs: number): FailureReport['next'] {
  return { kind: 'retry', inMs };
}

/** Claims the only delivery there is and lets it fail. */
async function failOnce(log: EventLog, message: string, next: FailureReport['next']): Promise<void> {
  const { token } = await claimOnceDue(log, 'a');
  assert.deepEqual(await deliveriesOf(log).fail([{ token, error: errorOf(message), next }]), []);
}

export function failing({ test }: DeliveryTests): void {
  test('puts the next attempt off, and keeps the error', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    const { timestamp } = await store(log, 's', record);
    await sequenceAll(log);
    await failOnce(log, 'try later', retryIn(long));
    const { state, attempt, dueAt, leasedUntil, worker, finishedAt, firstError, lastError } = await fateOf(
      log,
      record.id,
      'a',
    );
    assert.deepEqual(
      { state, attempt, leasedUntil, worker, finishedAt },
      { state: 'pending', attempt: 1, leasedUntil: undefined, worker: undefined, finishedAt: undefined },
    );
    assertNotBefore(dueAt, timestamp.getTime() + long);
    assert.deepEqual(firstError, errorOf('try later'));
    assert.deepEqual(lastError, errorOf('try later'));
    assert.deepEqual(await claim(log, 'a'), []);
  });

  test('gives the next attempt when it is due, with the next number', async ({ log }) => {
    await register(log, 'a');
    await publish(log, 's', newRecord());
    await failOnce(log, 'once', retryIn(1));
    await failOnce(log, 'twice', retryIn(0));
    assert.equal((await claimOne(log, 'a')).attempt, 3);
  });

  test('does not count what was not the fault of the handler', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    await failOnce(log, 'deadlock', { kind: 'retry-uncounted', inMs: 0 });
    assert.equal((await fateOf(log, record.id, 'a')).attempt, 0);
    assert.equal((await claimOne(log, 'a')).attempt, 1);
  });

  test('gives up when it is told to, whatever attempts are left', async ({ log }) => {
    await register(log, 'a', 'b');
    const record = newRecord();
    const { timestamp } = await store(log, 's', record);
    await sequenceAll(log);
    await failOnce(log, 'unreadable', dead);
    const { state, attempt, dueAt, leasedUntil, finishedAt, lastError } = await fateOf(log, record.id, 'a');
    assert.deepEqual(
      { state, attempt, dueAt, leasedUntil },
      { state: 'dead', attempt: 1, dueAt: undefined, leasedUntil: undefined },
    );
    assertNotBefore(finishedAt, timestamp.getTime());
    assert.equal(lastError?.message, 'unreadable');
    assert.deepEqual(await claim(log, 'a'), []);
    assert.deepEqual(await statesOf(log, record.id), { a: 'dead', b: 'pending' });
  });

  test('keeps the first error and the last, also once the delivery is done', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    for (const message of ['first', 'second', 'third']) await failOnce(log, message, retryIn(0));
    await deliveriesOf(log).complete([(await claimOne(log, 'a')).token]);
    const { state, firstError, lastError } = await fateOf(log, record.id, 'a');
    assert.deepEqual([state, firstError?.message, lastError?.message], ['done', 'first', 'third']);
  });

  test('takes many failures at once, each with its own end, and answers with the stale', async ({ log }) => {
    await register(log, 'a');
    const records = newRecords(3);
    await publish(log, 's', ...records);
    const [first = '', second = '', third = ''] = tokensOf(await claim(log, 'a'));
    const stale = foreignToken();
    const lost = await deliveriesOf(log).fail([
      { token: first, error: errorOf('1'), next: retryIn(long) },
      { token: stale, error: errorOf('stale'), next: dead },
      { token: second, error: errorOf('2'), next: dead },
      { token: third, error: errorOf('3'), next: { kind: 'retry-uncounted', inMs: long } },
    ]);
    assert.deepEqual(lost, [stale]);
    const fates = await Promise.all(records.map(({ id }) => fateOf(log, id, 'a')));
    assert.deepEqual(
      fates.map(({ state, attempt, lastError }) => [state, attempt, lastError?.message]),
      [
        ['pending', 1, '1'],
        ['dead', 1, '2'],
        ['pending', 0, '3'],
      ],
    );
  });

  test('does not take a token twice', async ({ log }) => {
    await register(log, 'a');
    await publish(log, 's', newRecord());
    const { token } = await claimOne(log, 'a');
    const failure = { token, error: errorOf('once'), next: retryIn(long) };
    assert.deepEqual(await deliveriesOf(log).fail([failure]), []);
    assert.deepEqual(await deliveriesOf(log).fail([failure]), [token]);
    assert.deepEqual(await deliveriesOf(log).complete([token]), [token]);
  });

  test('keeps an error without a stack', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a');
    const error = errorOf('thrown text', { name: 'NoError', stack: undefined });
    await deliveriesOf(log).fail([{ token, error, next: dead }]);
    assert.deepEqual((await fateOf(log, record.id, 'a')).lastError, error);
  });

  test('cuts long messages and stacks', async ({ log }) => {
    await register(log, 'a');
    const [plain, wide] = [newRecord(), newRecord()] as const;
    await publish(log, 's', plain, wide);
    const errors = [errorOf('m'.repeat(9_000), { stack: 's'.repeat(9_000) }), errorOf('🚂'.repeat(9_000))];
    const claimed = await claim(log, 'a');
    await deliveriesOf(log).fail(
      claimed.map(({ token }, nth) => ({ token, error: errors[nth] ?? errorOf(''), next: dead })),
    );
    const kept = (await fateOf(log, plain.id, 'a')).lastError;
    assert.equal(kept?.message, 'm'.repeat(8_192));
    assert.equal(kept.stack, 's'.repeat(8_192));
    const { message = '' } = (await fateOf(log, wide.id, 'a')).lastError ?? {};
    assert.ok(message.isWellFormed(), 'no emoji is cut in two');
    assert.ok(message.startsWith('🚂'.repeat(4_000)) && Array.from(message).length <= 8_192);
  });

  // H19
  test('keeps what can be kept of an error that no database takes', async ({ log }) => {
    await register(log, 'a');
    const record = newRecord();
    await publish(log, 's', record);
    const { token } = await claimOne(log, 'a');
    const broken = 'before \0 \uD83D after';
    await deliveriesOf(log).fail([
      { token, error: { name: broken, message: broken, stack: broken }, next: dead },
    ]);
    const { firstError, lastError } = await fateOf(log, record.id, 'a');
    for (const text of [firstError?.message, lastError?.name, lastError?.message, lastError?.stack]) {
      assert.match(text ?? '', /^before .+ after$/);
      assert.ok(text?.isWellFormed() === true && !text.includes('\0'));
    }
  });
}
