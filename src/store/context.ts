import { AsyncLocalStorage } from 'node:async_hooks';
import type { Event } from '../events/event.js';
import type { Metadata } from '../events/metadata.js';
import type { Subscription } from '../delivery/subscription.js';
import type { DispatchRound } from '../delivery/dispatch-round.js';

/** What one store knows of the async context it is called in. */
export interface StoreContext {
  readonly metadata: Metadata;
  /** Subscriptions of `within`, outermost first. */
  readonly temporary: readonly Subscription[];
  /** Where `captureEvents` collects; handlers stay silent while it does. */
  readonly capture: EventSink | undefined;
  /** The dispatch this code runs under, when it is a handler. */
  readonly round: DispatchRound | undefined;
  /** Types of the events whose handlers led here, outermost first. */
  readonly chain: readonly string[];
  /** The projection whose history is replayed here: it may not publish (hazards H14). */
  readonly replaying: string | undefined;
}

export interface EventSink {
  push(event: Event): void;
}

const nothing: StoreContext = {
  metadata: {},
  temporary: [],
  capture: undefined,
  round: undefined,
  chain: [],
  replaying: undefined,
};

/** One for the whole library; each store finds its own part by its identity. */
const storage = new AsyncLocalStorage<ReadonlyMap<object, StoreContext>>();

export function contextOf(store: object): StoreContext {
  return storage.getStore()?.get(store) ?? nothing;
}

/** Runs `work` with `change` laid over the context of `store`. */
export function runWithin<T>(store: object, change: Partial<StoreContext>, work: () => T): T {
  const contexts = new Map(storage.getStore());
  contexts.set(store, { ...contextOf(store), ...change });
  return storage.run(contexts, work);
}
