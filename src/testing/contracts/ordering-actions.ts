import assert from 'node:assert/strict';
import type {
  DeliveryFate,
  HandlerRegistration,
  KeyAssignment,
  UnkeyedDelivery,
} from '../../delivery/delivery-log.js';
import type { EventLog, NewRecord } from '../../log/event-log.js';
import {
  claim,
  deliveriesOf,
  errorOf,
  eventIdsOf,
  fateOf,
  handlerOf,
  publish,
  register,
} from './delivery-actions.js';
import { newRecord } from './new-record.js';

type KeyOf = (delivery: UnkeyedDelivery) => string | undefined;

const manyRounds = 100;

export function ordered(name = 'a', overrides: Partial<HandlerRegistration> = {}): HandlerRegistration {
  return handlerOf(name, { ordered: true, ...overrides });
}

/** `undefined`: a record from which no key can be computed. */
export function withKey(key: string | undefined): NewRecord {
  return newRecord('SomethingHappened', { key });
}

export function withKeys<const Keys extends readonly string[]>(
  ...keys: Keys
): { readonly [Nth in keyof Keys]: NewRecord } {
  return keys.map(withKey) as { readonly [Nth in keyof Keys]: NewRecord };
}

export function keysTold(
  unkeyed: readonly UnkeyedDelivery[],
  keyOf: KeyOf = keyInData,
): readonly KeyAssignment[] {
  return unkeyed.map((each) => ({ place: each.place, key: keyOf(each) ?? errorOf('no key') }));
}

/** As a worker does, until no key is missing; or, where one cannot be told now, for some rounds. */
export async function tellKeys(
  log: EventLog,
  handlers: readonly string[] = ['a'],
  keyOf?: KeyOf,
): Promise<void> {
  for (let round = 0; round < 10; round += 1) {
    const unkeyed = await deliveriesOf(log).unkeyed(handlers, 1_000);
    if (unkeyed.length === 0) return;
    await deliveriesOf(log).assignKeys(keysTold(unkeyed, keyOf));
  }
}

/** Published to the ordered handler `a`, with their keys told. */
export async function begun<const Records extends readonly NewRecord[]>(
  log: EventLog,
  records: Records,
): Promise<Records> {
  await register(log, ordered());
  await publish(log, 's', ...records);
  await tellKeys(log);
  return records;
}

/** Ids of the events of `a` as they can be handled now, each completed before the next is asked for. */
export async function handledInTurn(log: EventLog): Promise<readonly string[]> {
  const handled: string[] = [];
  for (let round = 0; round < manyRounds; round += 1) {
    await tellKeys(log);
    const claimed = await claim(log, 'a');
    if (claimed.length === 0) return handled;
    handled.push(...eventIdsOf(claimed));
    assert.deepEqual(await deliveriesOf(log).complete(claimed.map(({ token }) => token)), []);
  }
  return assert.fail(`there is no end after ${manyRounds} rounds`);
}

export async function placeOf(
  log: EventLog,
  eventId: string,
  handler = 'a',
): Promise<Pick<DeliveryFate, 'state' | 'key' | 'waitsFor'>> {
  const { state, key, waitsFor } = await fateOf(log, eventId, handler);
  return { state, key, waitsFor };
}

function keyInData({ event }: UnkeyedDelivery): string | undefined {
  return (event.data as { readonly key?: string }).key;
}
