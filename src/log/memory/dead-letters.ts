import type { DeadLetterQuery, DeadLetterTarget, DeliveryFate } from '../../delivery/delivery-log.js';
import { compareCodePoints } from './code-points.js';
import { allOf, put, type DeliveryTable, type KeptDelivery } from './delivery-table.js';
import { aheadOf, inTurn } from './order.js';

export function deadLetters(table: DeliveryTable, query: DeadLetterQuery): readonly DeliveryFate[] {
  const newestFirst = dead(table, query).toSorted(
    (a, b) => (b.finishedAt ?? 0) - (a.finishedAt ?? 0) || b.ordinal - a.ordinal,
  );
  return newestFirst.slice(0, query.limit).map((each) => toFate(table, each));
}

export function retry(table: DeliveryTable, target: DeadLetterTarget, now: number): number {
  const letters = dead(table, target);
  for (const each of letters)
    put(table, { ...each, state: 'pending', attempt: 0, dueAt: now, finishedAt: undefined });
  table.madeDue += letters.length;
  return letters.length;
}

export function skip(table: DeliveryTable, target: DeadLetterTarget, reason: string, now: number): number {
  const letters = dead(table, target);
  for (const each of letters) put(table, { ...each, state: 'skipped', reason, finishedAt: now });
  // What waits behind one of an ordered handler is due now.
  table.madeDue += letters.length;
  return letters.length;
}

export function fatesOf(table: DeliveryTable, eventId: string): readonly DeliveryFate[] {
  return [...table.handlers.values()]
    .flatMap(({ byEvent }) => byEvent.get(eventId) ?? [])
    .toSorted((a, b) => compareCodePoints(a.handler, b.handler))
    .map((each) => toFate(table, each));
}

export function nextDueIn(
  table: DeliveryTable,
  handlers: readonly string[],
  now: number,
): number | undefined {
  let next: number | undefined;
  for (const { dueAt } of handlers.flatMap((handler) => inTurn(table, handler))) {
    if (dueAt !== undefined && (next === undefined || dueAt < next)) next = dueAt;
  }
  return next === undefined ? undefined : Math.max(0, next - now);
}

function dead(table: DeliveryTable, { handler, eventId }: DeadLetterTarget): readonly KeptDelivery[] {
  return [...allOf(table)].filter(
    (each) =>
      each.state === 'dead' &&
      (handler === undefined || each.handler === handler) &&
      (eventId === undefined || each.eventId === eventId),
  );
}

function toFate(table: DeliveryTable, delivery: KeptDelivery): DeliveryFate {
  const { eventId, handler, state, attempt, dueAt, lease, finishedAt, firstError, lastError, reason, key } =
    delivery;
  return {
    eventId,
    handler,
    state,
    attempt,
    dueAt: toDate(dueAt),
    leasedUntil: toDate(lease?.until),
    worker: lease?.worker,
    finishedAt: toDate(finishedAt),
    firstError,
    lastError,
    reason,
    key,
    waitsFor: aheadOf(table, delivery)?.eventId,
  };
}

function toDate(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
