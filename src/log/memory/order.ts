import type { DeliveryError, KeyAssignment, UnkeyedDelivery } from '../../delivery/delivery-log.js';
import { toDeliveryError } from '../../delivery/failure-text.js';
import { openOf, put, unfinishedOf, type DeliveryTable, type KeptDelivery } from './delivery-table.js';
import { toRecord } from './reading.js';
import type { MemoryState } from './state.js';
import { requireEvent } from './writing.js';

/** What is open of a handler, oldest first; of an ordered one only the first of each key. */
export function inTurn(table: DeliveryTable, handler: string): readonly KeptDelivery[] {
  const open = [...openOf(table, handler)].toSorted(byEvent);
  if (!isOrdered(table, handler)) return open;
  const first = firstOfKeys(table, handler);
  return open.filter((each) => each.key !== undefined && first.get(each.key) === each);
}

/** The unfinished delivery of the same key that this one waits for. */
export function aheadOf(table: DeliveryTable, delivery: KeptDelivery): KeptDelivery | undefined {
  const { handler, key, state } = delivery;
  if (key === undefined || state !== 'pending' || !isOrdered(table, handler)) return undefined;
  const first = firstOfKeys(table, handler).get(key);
  return first === delivery ? undefined : first;
}

/** The oldest, unless another one is with somebody already. */
function firstOfKeys(table: DeliveryTable, handler: string): ReadonlyMap<string, KeptDelivery> {
  const first = new Map<string, KeptDelivery>();
  for (const each of unfinishedOf(table, handler)) {
    if (each.key === undefined) continue;
    const other = first.get(each.key);
    if (other === undefined || goesFirst(each, other)) first.set(each.key, each);
  }
  return first;
}

function goesFirst(a: KeptDelivery, b: KeptDelivery): boolean {
  const isHeld = a.lease !== undefined;
  return isHeld === (b.lease !== undefined) ? a.ordinal < b.ordinal : isHeld;
}

export function unkeyed(
  state: MemoryState,
  handlers: readonly string[],
  limit: number,
): readonly UnkeyedDelivery[] {
  const { deliveries } = state;
  return handlers
    .flatMap((handler) => withoutKey(deliveries, handler).slice(0, limit))
    .map(({ handler, eventId }) => ({
      handler,
      event: toRecord(state, requireEvent(state, eventId)),
      place: JSON.stringify([handler, eventId]),
    }));
}

export function assignKeys(
  { deliveries }: MemoryState,
  assignments: readonly KeyAssignment[],
  now: number,
): void {
  const handlers = Map.groupBy(assignments.map(placed), ({ handler }) => handler);
  for (const [handler, own] of handlers) {
    const keys = new Map(own.map(({ eventId, key }) => [eventId, key]));
    for (const delivery of withoutKey(deliveries, handler)) {
      const key = keys.get(delivery.eventId);
      if (key === undefined) break;
      put(deliveries, typeof key === 'string' ? { ...delivery, key } : withoutHope(delivery, key, now));
    }
  }
}

function placed({ place, key }: KeyAssignment) {
  const [handler = '', eventId = ''] = JSON.parse(place) as string[];
  return { handler, eventId, key };
}

function withoutHope(delivery: KeptDelivery, error: DeliveryError, now: number): KeptDelivery {
  const lastError = toDeliveryError(error);
  const firstError = delivery.firstError ?? lastError;
  return { ...delivery, state: 'dead', dueAt: undefined, finishedAt: now, firstError, lastError };
}

/** Nothing while something runs that was begun before its handler became ordered. */
function withoutKey(table: DeliveryTable, handler: string): readonly KeptDelivery[] {
  if (!isOrdered(table, handler)) return [];
  const keyless = [...openOf(table, handler)].filter(({ key }) => key === undefined);
  return keyless.every(({ state }) => state === 'pending') ? keyless.toSorted(byEvent) : [];
}

function isOrdered({ handlers }: DeliveryTable, handler: string): boolean {
  return handlers.get(handler)?.registration.ordered === true;
}

export function byEvent(a: KeptDelivery, b: KeptDelivery): number {
  return a.ordinal - b.ordinal;
}
