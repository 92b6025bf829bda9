import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import { bury, claim, deliveriesOf, fateOf, handlerOf, publish, register } from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { idsOf } from './log-actions.js';
import { newRecord } from './new-record.js';
import { figures, handleAll, madeDue, startReplay } from './replay-actions.js';

/** Of an ordered handler whose key is `data.key`; one delivery of a key at a time, as they come. */
async function handleInOrder(log: EventLog, handler: string): Promise<readonly string[]> {
  const deliveries = deliveriesOf(log);
  const handled: string[] = [];
  for (let round = 0; round < 100; round += 1) {
    const unkeyed = await deliveries.unkeyed([handler], 1_000);
    await deliveries.assignKeys(unkeyed.map(({ place, event }) => ({ place, key: keyOf(event.data) })));
    const ids = await handleAll(log, handler);
    handled.push(...ids);
    if (ids.length === 0 && unkeyed.length === 0) return handled;
  }
  return assert.fail('it ends');
}

function keyOf(data: unknown): string {
  return String(Reflect.get(Object(data), 'key'));
}

const keyed = (key: string) => newRecord('SomethingHappened', { key });

export function replayingInOrder({ test }: DeliveryTests): void {
  test('comes in order, before newer events of the same key', async ({ log }) => {
    await register(log, handlerOf('a', { ordered: true }));
    const old = [keyed('x'), keyed('y'), keyed('x'), keyed('x')];
    await publish(log, 's', ...old);
    assert.deepEqual((await handleInOrder(log, 'a')).length, 4);
    const open = keyed('x');
    await publish(log, 's', open);
    const [place] = await deliveriesOf(log).unkeyed(['a'], 1);
    await deliveriesOf(log).assignKeys([{ place: place?.place ?? '', key: 'x' }]);
    await startReplay(log, 'a');
    const fresh = [keyed('x'), keyed('y')];
    await publish(log, 's', ...fresh);
    await madeDue(log, 'a');
    const handled = await handleInOrder(log, 'a');
    const of = (key: string) =>
      idsOf([...old, open, ...fresh].filter(({ data }) => data.includes(`"${key}"`)));
    assert.deepEqual(
      handled.filter((id) => of('x').includes(id)),
      of('x'),
    );
    assert.deepEqual(
      handled.filter((id) => of('y').includes(id)),
      of('y'),
    );
  });

  test('is not overtaken by what ran when it started', async ({ log }) => {
    await register(log, handlerOf('a', { ordered: true }));
    const old = [keyed('x'), keyed('x')];
    await publish(log, 's', ...old);
    await handleInOrder(log, 'a');
    const [late, queued] = [keyed('x'), keyed('z')] as const;
    await publish(log, 's', late, queued);
    const unkeyed = await deliveriesOf(log).unkeyed(['a'], 10);
    await deliveriesOf(log).assignKeys(
      unkeyed.map(({ place, event }) => ({ place, key: keyOf(event.data) })),
    );
    const [running] = await claim(log, 'a', { limit: 1 });
    const handlers = [{ name: 'a', limit: 5 }];
    const lease = { worker: 'w', leaseFor: 60_000 };
    const handed = await deliveriesOf(log).handOver({ handlers, limit: 5, mostWaiting: 5, ...lease });
    assert.deepEqual([running?.event.id, handed.length], [late.id, 1]);
    await startReplay(log, 'a');
    assert.deepEqual(await deliveriesOf(log).complete([running?.token ?? '']), [running?.token]);
    assert.deepEqual(
      await deliveriesOf(log).take(
        handed.map(({ token }) => token),
        lease,
      ),
      [],
    );
    await madeDue(log, 'a');
    const handled = await handleInOrder(log, 'a');
    assert.deepEqual(
      handled.filter((id) => id !== queued.id),
      idsOf([...old, late]),
    );
    assert.ok(handled.includes(queued.id));
    assert.deepEqual(await figures(log, 'a'), { total: 2, done: 2, dead: 0 });
    const { attempt } = await fateOf(log, late.id, 'a');
    assert.equal(attempt, 1);
  });

  test('keeps its order behind a dead letter', async ({ log }) => {
    await register(log, handlerOf('a', { ordered: true }));
    const old = [keyed('x'), keyed('x')];
    await publish(log, 's', ...old);
    await handleInOrder(log, 'a');
    await startReplay(log, 'a');
    await madeDue(log, 'a');
    const unkeyed = await deliveriesOf(log).unkeyed(['a'], 10);
    await deliveriesOf(log).assignKeys(unkeyed.map(({ place }) => ({ place, key: 'x' })));
    await bury(log, 'a');
    assert.deepEqual(await claim(log, 'a'), []);
    assert.deepEqual(await figures(log, 'a'), { total: 2, done: 0, dead: 1 });
    await deliveriesOf(log).retry({ handler: 'a' });
    assert.deepEqual(await handleInOrder(log, 'a'), idsOf(old));
  });
}
