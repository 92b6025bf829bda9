import { randomUUID } from 'node:crypto';
import type {
  ClaimedDelivery,
  ClaimRequest,
  FailureReport,
  HandedDelivery,
  HandOverRequest,
} from '../../delivery/delivery-log.js';
import { toDeliveryError } from '../../delivery/failure-text.js';
import { openOf, put, type KeptDelivery } from './delivery-table.js';
import { byEvent, inTurn } from './order.js';
import { toRecord } from './reading.js';
import type { MemoryState } from './state.js';
import { requireEvent } from './writing.js';

export function claim(state: MemoryState, request: ClaimRequest, now: number): readonly ClaimedDelivery[] {
  return oldestDue(state, request, now).map((each) => lease(state, each, request, now));
}

export function handOver(
  state: MemoryState,
  request: HandOverRequest,
  now: number,
): readonly HandedDelivery[] {
  const handlers = request.handlers.map(({ name, limit }) => {
    const waiting = [...openOf(state.deliveries, name)].filter((each) => isHeld(each, 'queued', now)).length;
    return { name, limit: Math.max(0, Math.min(limit, request.mostWaiting - waiting)) };
  });
  return oldestDue(state, { ...request, handlers }, now).map((each) => {
    const token = randomUUID();
    const until = now + request.leaseFor;
    const { worker } = request;
    put(state.deliveries, { ...each, state: 'queued', dueAt: undefined, lease: { token, worker, until } });
    return toHanded(each, token);
  });
}

export function take(
  state: MemoryState,
  tokens: readonly string[],
  wish: Pick<ClaimRequest, 'worker' | 'leaseFor'>,
  now: number,
): readonly ClaimedDelivery[] {
  return tokens.flatMap((token) => {
    const delivery = state.deliveries.leased.get(token);
    return delivery?.state === 'queued' ? [lease(state, delivery, wish, now)] : [];
  });
}

export function handedOver(
  { deliveries }: MemoryState,
  handlers: readonly string[],
  { within, limit, now }: { readonly within: number; readonly limit: number; readonly now: number },
): readonly HandedDelivery[] {
  return handlers
    .flatMap((name) => [...openOf(deliveries, name)])
    .flatMap((each) => (each.state === 'queued' && each.lease ? [{ each, lease: each.lease }] : []))
    .filter(({ lease: { until } }) => until < now + within)
    .toSorted((a, b) => a.lease.until - b.lease.until)
    .slice(0, limit)
    .map(({ each, lease: { token } }) => toHanded(each, token));
}

function toHanded({ handler, eventId }: KeptDelivery, token: string): HandedDelivery {
  return { handler, eventId, token };
}

function oldestDue(
  state: MemoryState,
  request: Pick<ClaimRequest, 'handlers' | 'limit'>,
  now: number,
): readonly KeptDelivery[] {
  const due = request.handlers.flatMap(({ name, limit }) => {
    recover(state, name, now);
    return inTurn(state.deliveries, name)
      .filter((each) => mayRun(each, now))
      .slice(0, limit);
  });
  return due.toSorted(byEvent).slice(0, request.limit);
}

/** @returns The tokens that hold no lease, as each function below. */
export function complete(state: MemoryState, tokens: readonly string[], now: number): readonly string[] {
  return eachRunning(state, tokens, (delivery) => ({ ...ended(delivery, now), state: 'done' }));
}

export function fail(state: MemoryState, failures: readonly FailureReport[], now: number): readonly string[] {
  return failures.flatMap((failure) =>
    eachRunning(state, [failure.token], (delivery) => afterFailure(delivery, failure, now)),
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
    const attempt = delivery.state === 'running' ? delivery.attempt - 1 : delivery.attempt;
    return { ...pending(delivery, now), attempt };
  });
}

function eachRunning(
  state: MemoryState,
  tokens: readonly string[],
  change: (delivery: KeptDelivery) => KeptDelivery,
): readonly string[] {
  const running = tokens.filter((token) => state.deliveries.leased.get(token)?.state === 'running');
  eachHeld(state, running, change);
  return tokens.filter((token) => !running.includes(token));
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
  { worker, leaseFor }: Pick<ClaimRequest, 'worker' | 'leaseFor'>,
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
  const event = toRecord(state, requireEvent(state, eventId));
  return { handler, event, attempt, token, replaying: delivery.replay !== undefined };
}

/**
 * What is still held at the last attempt, with its lease over, has probably killed its worker. What was begun before its
 * handler became ordered waits for its key with the others.
 */
function recover(state: MemoryState, handler: string, now: number): void {
  const { attempts = Infinity, ordered = false } = state.deliveries.handlers.get(handler)?.registration ?? {};
  for (const delivery of openOf(state.deliveries, handler)) {
    const { attempt, key, lease: last } = delivery;
    if (last === undefined || !isOver(delivery, now)) continue;
    if (attempt >= attempts) {
      const message = `Worker ${last.worker} neither completed nor failed attempt ${attempt} of ${attempts} within its lease.`;
      put(state.deliveries, dead(delivery, { name: 'LeaseExpired', message, stack: undefined }, now));
    } else if (ordered && key === undefined) {
      put(state.deliveries, pending(delivery, now));
    }
  }
}

function mayRun({ dueAt, lease: held }: KeptDelivery, now: number): boolean {
  const from = held === undefined ? dueAt : held.until;
  return from !== undefined && from <= now;
}

function isOver(delivery: KeptDelivery, now: number): boolean {
  return delivery.state === 'running' && mayRun(delivery, now);
}

function isHeld(delivery: KeptDelivery, state: KeptDelivery['state'], now: number): boolean {
  return delivery.state === state && !mayRun(delivery, now);
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
