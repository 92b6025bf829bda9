import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import {
  backfilled,
  claim,
  deliveriesOf,
  errorOf,
  eventIdsOf,
  eventually,
  long,
  publish,
  register,
  tokensOf,
} from './delivery-actions.js';
import type { DeliveryTests } from './delivery-subject.js';
import { idsOf } from './log-actions.js';
import { begun, handledInTurn, ordered, placeOf, tellKeys, withKey, withKeys } from './ordering-actions.js';

const error = errorOf('no');

/** Ways in which what runs can come back undone. */
const returns: Readonly<Record<string, (log: EventLog, token: string, handler: string) => Promise<unknown>>> =
  {
    failed: (log, token) => deliveriesOf(log).fail([{ token, error, next: { kind: 'retry', inMs: 0 } }]),
    released: (log, token) => deliveriesOf(log).release([token]),
    lost: async (log, token, handler) => {
      await deliveriesOf(log).renew([token], 1);
      await eventually('its lease is over', async () => {
        assert.deepEqual(await claim(log, handler), []);
        return (await deliveriesOf(log).unkeyed([handler], 1)).length > 0 || undefined;
      });
    },
  };

export function orderChanges({ test }: DeliveryTests): void {
  test('put what is open in order when a handler becomes ordered', async ({ log }) => {
    await register(log, 'a');
    const [k1, l1, k2, k3, l2] = withKeys('k', 'l', 'k', 'k', 'l');
    await publish(log, 's', k1, l1, k2, k3, l2);
    const [running, waiting] = tokensOf(await claim(log, 'a', { limit: 2 }));
    const later = { kind: 'retry', inMs: long } as const;
    await deliveriesOf(log).fail([{ token: waiting ?? '', error, next: later }]);
    await register(log, ordered());
    const k4 = withKey('k');
    await publish(log, 's', k4);
    assert.deepEqual(await handledInTurn(log), [], 'what runs has no key yet');
    await deliveriesOf(log).complete([running ?? '']);
    assert.deepEqual(await handledInTurn(log), [k2.id, k3.id, k4.id]);
    assert.equal((await placeOf(log, l2.id)).waitsFor, l1.id);
  });

  for (const [how, comeBack] of Object.entries(returns)) {
    test(`put what ran when a handler became ordered in its place when it is ${how}`, async ({ log }) => {
      await register(log, 'a');
      const records = withKeys('k', 'k', 'k');
      await publish(log, 's', ...records);
      const [token = ''] = tokensOf(await claim(log, 'a', { limit: 1 }));
      await register(log, ordered());
      await comeBack(log, token, 'a');
      await tellKeys(log);
      assert.equal((await placeOf(log, records[1].id)).waitsFor, records[0].id);
      assert.deepEqual(await handledInTurn(log), idsOf(records));
    });
  }

  test('let what is open run in any order when a handler is ordered no more', async ({ log }) => {
    const [k1, k2, k3, l1] = await begun(log, withKeys('k', 'k', 'k', 'l'));
    const running = tokensOf(await claim(log, 'a', { limit: 1 }));
    const unkeyed = withKey('k');
    await publish(log, 's', unkeyed);
    await register(log, { ...ordered(), ordered: false });
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), idsOf([k2, k3, l1, unkeyed]));
    assert.deepEqual(await deliveriesOf(log).complete(running), []);
    assert.equal((await placeOf(log, k1.id)).state, 'done');
    assert.equal((await placeOf(log, k2.id)).waitsFor, undefined);
    const after = withKey('k');
    await publish(log, 's', after);
    assert.deepEqual(eventIdsOf(await claim(log, 'a')), [after.id]);
  });

  test('to and fro lose nothing, and leave nothing waiting', async ({ log }) => {
    const records = withKeys('k', 'l', 'k', 'l', 'k', 'l', 'k', 'l');
    await begun(log, records);
    const handled: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      await tellKeys(log);
      const claimed = await claim(log, 'a', { limit: 1 });
      await register(log, { ...ordered(), ordered: round % 2 === 1 });
      assert.deepEqual(await deliveriesOf(log).complete(tokensOf(claimed)), []);
      handled.push(...eventIdsOf(claimed));
    }
    handled.push(...(await handledInTurn(log)));
    assert.deepEqual(handled.toSorted(), idsOf(records).toSorted());
  });

  test('give a new ordered handler its history before what is published then', async ({ log }) => {
    const old = Array.from({ length: 30 }, (_, nth) => withKey(`k${nth % 2}`));
    await publish(log, 's', ...old);
    await register(log, ordered('a', { from: 'beginning' }));
    const live = withKeys('k0', 'k1');
    await publish(log, 's', ...live);
    await tellKeys(log);
    await backfilled(log, 'a', idsOf([...old, ...live]));
    const handled = await handledInTurn(log);
    for (const key of [0, 1]) {
      const own = idsOf([...old, ...live].filter((_, nth) => nth % 2 === key));
      assert.deepEqual(
        handled.filter((id) => own.includes(id)),
        own,
      );
    }
    assert.equal(handled.length, 32);
  });
}
