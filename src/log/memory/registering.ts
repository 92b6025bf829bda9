import type { HandlerRegistration } from '../../delivery/delivery-log.js';
import { create, openOf, put, type KnownHandler } from './delivery-table.js';
import type { KeptEvent, MemoryState } from './state.js';

/** Gives every event without a position its position, and its deliveries. */
export function sequence(state: MemoryState, now: number): void {
  const unsequenced = state.order.slice(state.sequenced);
  state.sequenced = state.order.length;
  for (const handler of state.deliveries.handlers.values()) createFor(state, handler, unsequenced, now);
}

export function register(
  state: MemoryState,
  registrations: readonly HandlerRegistration[],
  now: number,
): void {
  for (const each of registrations) {
    const { handlers } = state.deliveries;
    const known = handlers.get(each.name);
    const registration = {
      ...each,
      types: each.types && [...each.types],
      from: known?.registration.from ?? each.from,
    };
    if (known !== undefined && known.registration.ordered !== each.ordered) forgetKeys(state, each.name, now);
    const handler: KnownHandler = {
      byEvent: new Map(),
      open: new Set(),
      dead: new Set(),
      ...known,
      registration,
    };
    handlers.set(each.name, handler);
    if (known !== undefined || each.from === 'now') continue;
    createFor(state, handler, state.order.slice(0, state.sequenced), now);
  }
}

/** What is open and not running takes its turn again. */
export function forgetKeys(state: MemoryState, handler: string, now: number): void {
  for (const each of openOf(state.deliveries, handler)) {
    if (each.state === 'running') continue;
    const dueAt = each.dueAt ?? now;
    put(state.deliveries, { ...each, state: 'pending', key: undefined, lease: undefined, dueAt });
  }
}

function createFor(
  state: MemoryState,
  { registration }: KnownHandler,
  eventIds: readonly string[],
  now: number,
): void {
  for (const id of eventIds) {
    const event = state.events.get(id);
    if (event === undefined || !wants(registration, event)) continue;
    create(state.deliveries, event, registration.name, { now });
  }
}

export function wants({ types }: HandlerRegistration, event: KeptEvent): boolean {
  return types === undefined || types.includes(event.type);
}
