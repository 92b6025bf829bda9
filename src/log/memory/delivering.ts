import { randomUUID } from 'node:crypto';
import type { ClaimedDelivery, ClaimRequest, FailureReport } from '../../delivery/delivery-log.js';
import { toDeliveryError } from '../../delivery/failure-text.js';
import { openOf, put, type KeptDelivery } from './delivery-table.js';
import { toRecord } from './reading.js';
import type { MemoryState } from './state.js';
import { requireEvent } from './writing.js';

export function claim(state: MemoryState, request: ClaimRequest, now: number): readonly ClaimedDelivery[] {
  const due = request.handlers.flatMap(({ name, limit }) => {
    buryPoison(state, name, now);
    const ofHandler = [...openOf(state.deliveries, name)].filter((each) => mayRun(each, now));
    return ofHandler.toSorted(byEvent).slice(0, limit);
  });
  const chosen = due.toSorted(byEvent).slice(0, request.limit);
  return chosen.map((each) => lease(state, each, request, now));
}

/** @returns The tokens that hold no lease, as each function below. */
export function complete(state: MemoryState, tokens: readonly string[], now: number): readonly string[] {
  return eachHeld(state, tokens, (delivery) => ({ ...ended(delivery, now), state: 'done' }));
}

export function fail(state: MemoryState, failures: readonly FailureReport[], now: number): readonly string[] {
  return failures.flatMap((failure) =>
    eachHeld(state, [failure.token], (delivery) => afterFailure(delivery, failure, now)),
  );
}

export function renew(state: MemoryState, tokens: readonly string[], until: number): readonly string[] {
  return eachHeld(state, tokens, (delivery) => ({
    ...delivery,
    lease: delivery.lease && { ...delivery.lease, until },
  }));
}

export function release(state: MemoryState, tokens: readonly string[], now: number): void {
  eachHeld(state, tokens, (delivery) => {
    state.deliveries.madeDue += 1;
    return { ...pending(delivery, now), attempt: delivery.attempt - 1 };
  });
}

/** A lease that is over holds on until somebody takes the delivery over. */
function eachHeld(
  state: MemoryState,
  tokens: readonly string[],
  change: (delivery: KeptDelivery) => KeptDelivery,
): readonly string[] {
  return tokens.filter((token) => {
    const delivery = state.deliveries.leased.get(token);
    if (delivery !== undefined) put(state.deliveries, change(delivery));
    return delivery === undefined;
  });
}

function lease(
  state: MemoryState,
  delivery: KeptDelivery,
  { worker, leaseFor }: ClaimRequest,
  now: number,
): ClaimedDelivery {
  const { handler, eventId } = delivery;
  const attempt = delivery.attempt + 1;
  const token = randomUUID();
  put(state.deliveries, {
    ...delivery,
    state: 'running',
    attempt,
    dueAt: undefined,
    lease: { token, worker, until: now + leaseFor },
  });
  return { handler, event: toRecord(state, requireEvent(state, eventId)), attempt, token };
}

/** What is still held at the last attempt, with its lease over, has probably killed its worker. */
function buryPoison(state: MemoryState, handler: string, now: number): void {
  const { attempts = Infinity } = state.deliveries.handlers.get(handler)?.registration ?? {};
  for (const delivery of openOf(state.deliveries, handler)) {
    const { attempt, lease: last } = delivery;
    if (last === undefined || attempt < attempts || !mayRun(delivery, now)) continue;
    const message = `Worker ${last.worker} neither completed nor failed attempt ${attempt} of ${attempts} within its lease.`;
    put(state.deliveries, dead(delivery, { name: 'LeaseExpired', message, stack: undefined }, now));
  }
}

function mayRun({ state, dueAt, lease: held }: KeptDelivery, now: number): boolean {
  const from = state === 'running' ? held?.until : dueAt;
  return from !== undefined && from <= now;
}

function afterFailure(delivery: KeptDelivery, { error, next }: FailureReport, now: number): KeptDelivery {
  if (next.kind === 'dead') return dead(delivery, error, now);
  const attempt = next.kind === 'retry' ? delivery.attempt : delivery.attempt - 1;
  return { ...pending(withError(delivery, error), now + next.inMs), attempt };
}

function dead(delivery: KeptDelivery, error: FailureReport['error'], now: number): KeptDelivery {
  return { ...ended(withError(delivery, error), now), state: 'dead' };
}

function withError(delivery: KeptDelivery, error: FailureReport['error']): KeptDelivery {
  const lastError = toDeliveryError(error);
  return { ...delivery, firstError: delivery.firstError ?? lastError, lastError };
}

function pending(delivery: KeptDelivery, dueAt: number): KeptDelivery {
  return { ...delivery, state: 'pending', dueAt, lease: undefined };
}

function ended(delivery: KeptDelivery, now: number): KeptDelivery {
  return { ...delivery, dueAt: undefined, lease: undefined, finishedAt: now };
}

function byEvent(a: KeptDelivery, b: KeptDelivery): number {
  return a.ordinal - b.ordinal;
}
