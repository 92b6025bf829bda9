import type { DeliveryError, KeyAssignment, UnkeyedDelivery } from '../../delivery/delivery-log.js';
import { toDeliveryError } from '../../delivery/failure-text.js';
import { openOf, put, type DeliveryTable, type KeptDelivery } from './delivery-table.js';
import { toRecord } from './reading.js';
import type { MemoryState } from './state.js';
import { requireEvent } from './writing.js';

/** What is open of a handler, oldest first; of an ordered one only the first of each key. */
export function inTurn(table: DeliveryTable, handler: string): readonly KeptDelivery[] {
  const open = [...openOf(table, handler)].toSorted(byEvent);
  return isOrdered(table, handler)
    ? open.filter((each) => each.key !== undefined && aheadOf(table, each) === undefined)
    : open;
}

/** The unfinished delivery of the same key that this one waits for. */
export function aheadOf(table: DeliveryTable, delivery: KeptDelivery): KeptDelivery | undefined {
  const { handler, key } = delivery;
  if (key === undefined || delivery.state !== 'pending') return undefined;
  const deliveries = table.handlers.get(handler)?.byEvent.values() ?? [];
  return [...deliveries]
    .filter((each) => each.key === key && each.state !== 'done' && each.state !== 'skipped')
    .filter((each) => each.ordinal < delivery.ordinal || each.lease !== undefined)
    .toSorted(byEvent)
    .at(0);
}

export function unkeyed(
  state: MemoryState,
  handlers: readonly string[],
  limit: number,
): readonly UnkeyedDelivery[] {
  const { deliveries } = state;
  return handlers
    .filter((handler) => isOrdered(deliveries, handler))
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
  for (const { place, key } of assignments) {
    const [handler = '', eventId = ''] = JSON.parse(place) as string[];
    const delivery = withoutKey(deliveries, handler)[0];
    if (delivery?.eventId !== eventId) continue;
    put(deliveries, typeof key === 'string' ? { ...delivery, key } : withoutHope(delivery, key, now));
  }
}

function withoutHope(delivery: KeptDelivery, error: DeliveryError, now: number): KeptDelivery {
  const lastError = toDeliveryError(error);
  const firstError = delivery.firstError ?? lastError;
  return { ...delivery, state: 'dead', dueAt: undefined, finishedAt: now, firstError, lastError };
}

function withoutKey(table: DeliveryTable, handler: string): readonly KeptDelivery[] {
  return [...openOf(table, handler)]
    .filter(({ state, key }) => state === 'pending' && key === undefined)
    .toSorted(byEvent);
}

function isOrdered({ handlers }: DeliveryTable, handler: string): boolean {
  return handlers.get(handler)?.registration.ordered === true;
}

export function byEvent(a: KeptDelivery, b: KeptDelivery): number {
  return a.ordinal - b.ordinal;
}
