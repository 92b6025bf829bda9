import assert from 'node:assert/strict';
import {
  backfilled,
  bury,
  claim,
  claimOne,
  deliveriesOf,
  errorOf,
  eventIdsOf,
  eventually,
  fateOf,
  handlerOf,
  publish,
  register,
  tokensOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { idsOf } from './log-actions.js';
import { newRecord, newRecords } from './new-record.js';
import { figures, handleAll, madeDue, startReplay } from './replay-actions.js';
import { isRegret, regret } from './regret.js';

export function replaying({ test, transactionTest }: DeliveryTests): void {
  test('makes done, skipped, dead and never delivered events due again, from their first attempt', async ({
    log,
    beside,
  }) => {
    const never = newRecord();
    await publish(log, 's', never);
    await register(log, 'a');
    const [skipped, dead, done] = [newRecord(), newRecord(), newRecord()] as const;
    await publish(log, 's', skipped);
    await bury(log, 'a');
    await deliveriesOf(log).skip({}, 'before');
    await publish(log, 's', dead);
    await bury(log, 'a');
    await publish(log, 's', done);
    await handleAll(log, 'a');
    const { id, startedAt, ...started } = await startReplay(log, 'a', { reason: 'a column was added' });
    assert.ok(startedAt instanceof Date && Number.isInteger(id));
    assert.deepEqual(started, {
      handler: 'a',
      reason: 'a column was added',
      total: 4,
      done: 0,
      dead: 0,
      resumed: false,
    });
    await madeDue(log, 'a');
    for (const each of [never, skipped, dead, done]) {
      const { state, attempt, finishedAt, firstError, lastError, reason } = await fateOf(log, each.id, 'a');
      assert.deepEqual(
        { state, attempt, finishedAt, firstError, lastError, reason },
        {
          state: 'pending',
          attempt: 0,
          finishedAt: undefined,
          firstError: undefined,
          lastError: undefined,
          reason: undefined,
        },
      );
    }
    const claimed = await claim(beside, 'a');
    assert.deepEqual(eventIdsOf(claimed), idsOf([never, skipped, dead, done]));
    assert.ok(claimed.every(({ attempt }) => attempt === 1));
  });

  test('tells those who handle it that it does, until it ends, and of no other event', async ({ log }) => {
    await register(log, 'a', 'b');
    const old = newRecord();
    await publish(log, 's', old);
    await handleAll(log, 'a');
    await startReplay(log, 'a');
    await madeDue(log, 'a');
    const fresh = newRecord();
    await publish(log, 's', fresh);
    const first = await claim(log, 'a');
    assert.deepEqual(
      first.map(({ event, replaying: isReplay }) => [event.id, isReplay]),
      [
        [old.id, true],
        [fresh.id, false],
      ],
    );
    assert.ok((await claim(log, 'b')).every((each) => !each.replaying));
    const [again] = first;
    const error = errorOf('no');
    await deliveriesOf(log).fail([{ token: again?.token ?? '', error, next: { kind: 'retry', inMs: 0 } }]);
    const retried = await claimOne(log, 'a');
    assert.equal(retried.replaying, true);
    await deliveriesOf(log).fail([{ token: retried.token, error, next: { kind: 'dead' } }]);
    await deliveriesOf(log).retry({ handler: 'a' });
    assert.equal((await claimOne(log, 'a')).replaying, true);
  });

  test('tells a scheduler and who takes from it the same', async ({ log }) => {
    await register(log, 'a');
    await publish(log, 's', newRecord());
    await handleAll(log, 'a');
    await startReplay(log, 'a');
    await madeDue(log, 'a');
    const lease = { worker: 'w', leaseFor: 60_000 };
    const handlers = [{ name: 'a', limit: 5 }];
    const handed = await deliveriesOf(log).handOver({ handlers, limit: 5, mostWaiting: 5, ...lease });
    const [taken] = await deliveriesOf(log).take(
      handed.map(({ token }) => token),
      lease,
    );
    assert.equal(taken?.replaying, true);
  });

  test('leaves alone what is pending or running: it is handled once', async ({ log }) => {
    await register(log, 'a');
    const [done, running, waiting, pending] = [newRecord(), newRecord(), newRecord(), newRecord()] as const;
    await publish(log, 's', done);
    await handleAll(log, 'a');
    await publish(log, 's', waiting);
    const tried = await claimOne(log, 'a');
    const next = { kind: 'retry', inMs: 600_000 } as const;
    await deliveriesOf(log).fail([{ token: tried.token, error: errorOf('not yet'), next }]);
    await publish(log, 's', running);
    const held = await claimOne(log, 'a');
    await publish(log, 's', pending);
    await startReplay(log, 'a');
    await madeDue(log, 'a');
    assert.deepEqual(await deliveriesOf(log).complete([held.token]), []);
    const { attempt, lastError } = await fateOf(log, waiting.id, 'a');
    assert.deepEqual([attempt, lastError?.message], [1, 'not yet']);
    assert.deepEqual(await figures(log, 'a'), { total: 1, done: 0, dead: 0 });
    const claimed = await claim(log, 'a');
    assert.deepEqual(
      claimed.map(({ event, replaying: isReplay }) => [event.id, isReplay]),
      [
        [done.id, true],
        [pending.id, false],
      ],
    );
    await deliveriesOf(log).complete(tokensOf(claimed));
    assert.deepEqual(await figures(log, 'a'), { total: 1, done: 1, dead: 0 });
  });

  // Seen failing without `finished_at <= started_at` in advance_replay.
  test('does not repeat what ends before it comes to it', async ({ log }) => {
    await register(log, 'a');
    const [running, pending] = [newRecord(), newRecord()] as const;
    await publish(log, 's', running);
    const held = await claimOne(log, 'a');
    await publish(log, 's', pending);
    await startReplay(log, 'a');
    const { token } = await claimOne(log, 'a');
    assert.deepEqual(await deliveriesOf(log).complete([token, held.token]), []);
    assert.deepEqual(await figures(log, 'a'), { total: 0, done: 0, dead: 0 });
    assert.deepEqual(await claim(log, 'a'), []);
  });

  test('is about the types of its handler', async ({ log }) => {
    await register(log, handlerOf('a', { types: ['A', 'C', 'A'] }), 'b');
    const records = [newRecord('A'), newRecord('B'), newRecord('C')];
    await publish(log, 's', ...records);
    await handleAll(log, 'a');
    await handleAll(log, 'b');
    assert.equal((await startReplay(log, 'a')).total, 2);
    await madeDue(log, 'a');
    assert.deepEqual(eventIdsOf(await claim(log, ['a', 'b'])), [records[0]?.id, records[2]?.id]);
  });

  test('also reaches types that the handler was not for when they came', async ({ log }) => {
    await register(log, handlerOf('a', { types: ['A'] }));
    const records = [newRecord('A'), newRecord('B')];
    await publish(log, 's', ...records);
    await handleAll(log, 'a');
    await register(log, handlerOf('a', { types: ['A', 'B'] }));
    await startReplay(log, 'a');
    await madeDue(log, 'a');
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), idsOf(records));
  });

  test('begins behind a position, and ends where the order ends when it starts', async ({ log }) => {
    await register(log, 'a');
    const records = newRecords(5);
    await publish(log, 's', ...records.slice(0, 4));
    await handleAll(log, 'a');
    const after = (await log.positionOf(records[1]?.id ?? '')) ?? assert.fail();
    assert.equal((await startReplay(log, 'a', { after })).total, 2);
    await publish(log, 's', ...records.slice(4));
    assert.deepEqual(await figures(log, 'a'), { total: 2, done: 0, dead: 0 });
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), idsOf(records.slice(2)));
  });

  test('of nothing is finished at once', async ({ log }) => {
    await register(log, handlerOf('a', { types: ['A'] }));
    await publish(log, 's', newRecord('B'));
    const { total, done, dead } = await startReplay(log, 'a');
    assert.deepEqual([total, done, dead], [0, 0, 0]);
    await publish(log, 's', newRecord('A'));
    await handleAll(log, 'a');
    assert.deepEqual(await figures(log, 'a'), { total: 0, done: 0, dead: 0 });
    assert.equal((await startReplay(log, 'a', { after: 1_000_000n })).total, 0);
    assert.equal((await startReplay(log, 'a')).total, 1);
  });

  test('of a handler that nobody registered is none', async ({ log }) => {
    await register(log, 'a');
    assert.equal(await deliveriesOf(log).startReplay({ handler: 'A' }), undefined);
    assert.equal(await deliveriesOf(log).startReplay({ handler: 'a\0' }), undefined);
    assert.deepEqual(await deliveriesOf(log).replays(), []);
    assert.deepEqual(await deliveriesOf(log).replays('a\0'), []);
  });

  test('of a long history leaves out and repeats nothing', async ({ log, beside }) => {
    await register(log, handlerOf('a', { types: ['A'] }));
    const records = Array.from({ length: 3_200 }, (_, nth) => newRecord(nth % 4 === 0 ? 'B' : 'A'));
    await publish(log, 's', ...records);
    for (let round = 0; round < 3; round += 1) await handleAll(log, 'a');
    const wanted = idsOf(records.filter(({ type }) => type === 'A'));
    assert.equal((await startReplay(log, 'a')).total, wanted.length);
    const handled: string[] = [];
    await eventually('all of it is handled again', async () => {
      await Promise.all([deliveriesOf(log).sequence(), deliveriesOf(beside).sequence()]);
      handled.push(...(await handleAll(beside, 'a')));
      return handled.length >= wanted.length || undefined;
    });
    assert.deepEqual(handled.toSorted(), wanted.toSorted());
    assert.deepEqual(await figures(log, 'a'), { total: wanted.length, done: wanted.length, dead: 0 });
  });

  test('and what a handler gets from the beginning are handled once, together', async ({ log }) => {
    const records = newRecords(1_500);
    await publish(log, 's', ...records);
    await register(log, handlerOf('a', { from: 'beginning' }));
    await startReplay(log, 'a');
    await backfilled(log, 'a', [records[0]?.id ?? '', records[1_499]?.id ?? '']);
    await madeDue(log, 'a');
    const handled = [...(await handleAll(log, 'a')), ...(await handleAll(log, 'a'))];
    assert.deepEqual(handled.toSorted(), idsOf(records).toSorted());
    const { total, done } = await figures(log, 'a');
    assert.equal(done, total);
  });

  transactionTest(
    'begins with the commit of the transaction it was started in',
    async ({ log, beside, inTransaction }) => {
      await register(log, 'a');
      await publish(log, 's', ...newRecords(2));
      await handleAll(log, 'a');
      const whole = inTransaction(async () => {
        await startReplay(log, 'a');
        throw regret;
      });
      await assert.rejects(whole, isRegret);
      assert.deepEqual(await deliveriesOf(beside).replays(), []);
      await inTransaction(async () => {
        assert.equal((await startReplay(log, 'a')).total, 2);
      });
      await madeDue(log, 'a');
      assert.equal((await handleAll(log, 'a')).length, 2);
    },
  );
}
