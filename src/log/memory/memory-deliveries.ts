import type { DeliveryLog, HandlerRegistration } from '../../delivery/delivery-log.js';
import { compareCodePoints } from './code-points.js';
import { deadLetters, fatesOf, nextDueIn, retry, skip } from './dead-letters.js';
import * as delivering from './delivering.js';
import type { DeliveryTable } from './delivery-table.js';
import type { MemoryTransactions } from './memory-transactions.js';
import { assignKeys, unkeyed } from './order.js';
import { register } from './registering.js';
import { replaysIn, startReplay } from './replaying.js';
import type { WakeUps } from './wake-ups.js';

/** Deliveries as part of the memory log's state: what a transaction does to them commits or vanishes with it. */
export function memoryDeliveries(
  transactions: MemoryTransactions,
  wakeUps: WakeUps,
  now: () => number,
): DeliveryLog {
  const table = async () => (await transactions.visible()).deliveries;
  return {
    register: (handlers) => transactions.change((state) => register(state, handlers, now())),
    /** Every commit leaves nothing to do. */
    sequence: async () => 0,
    sequenceAll: async () => {},
    claim: (request) => transactions.change((state) => delivering.claim(state, request, now())),
    handOver: (request) => transactions.change((state) => delivering.handOver(state, request, now())),
    take: (tokens, lease) => transactions.change((state) => delivering.take(state, tokens, lease, now())),
    handedOver: async (handlers, wish) =>
      delivering.handedOver(await transactions.visible(), handlers, { ...wish, now: now() }),
    unkeyed: async (handlers, limit) => unkeyed(await transactions.visible(), handlers, limit),
    assignKeys: (assignments) => transactions.change((state) => assignKeys(state, assignments, now())),
    startReplay: (request) => transactions.change((state) => startReplay(state, request, now())),
    replays: async (handler) => replaysIn(await table(), handler),
    complete: (tokens) => transactions.change((state) => delivering.complete(state, tokens, now())),
    fail: (failures) => transactions.change((state) => delivering.fail(state, failures, now())),
    renew: (tokens, leaseFor) =>
      transactions.change((state) => delivering.renew(state, tokens, now() + leaseFor)),
    release: (tokens) => transactions.change((state) => delivering.release(state, tokens, now())),
    nextDueIn: async (handlers) => nextDueIn(await table(), handlers, now()),
    deadLetters: async (query) => deadLetters(await table(), query),
    retry: (target) => transactions.change((state) => retry(state.deliveries, target, now())),
    skip: (target, reason) => transactions.change((state) => skip(state.deliveries, target, reason, now())),
    fatesOf: async (eventId) => fatesOf(await table(), eventId),
    registrations: async () => registrationsIn(await table()),
    listen: async (wake) => wakeUps.listen(wake),
  };
}

function registrationsIn({ handlers }: DeliveryTable): readonly HandlerRegistration[] {
  return [...handlers.values()]
    .map(({ registration }) => registration)
    .toSorted((a, b) => compareCodePoints(a.name, b.name));
}
