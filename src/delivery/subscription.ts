import type { Event } from '../events/event.js';
import type { HandlerContext } from './handler-context.js';
import type { QueuedSettings } from './queued-options.js';

/**
 * When a handler runs.
 *
 * - `in-transaction`: inside the transaction that records the event; throwing rolls it back.
 * - `after-commit`: in this process once the outermost transaction has committed; `publish()` waits for it.
 * - `queued`: by a worker, here or elsewhere, at least once.
 */
export type Phase = 'in-transaction' | 'after-commit' | 'queued';

/** A handler, ready to be called, and what it listens to. */
export interface Subscription {
  /** For messages; the name it was given, else that of its function or class. */
  readonly name: string;
  readonly run: Phase;
  /** Of a queued handler. */
  readonly queued: QueuedSettings | undefined;
  /** Event types; `undefined`: all. */
  readonly types: readonly string[] | undefined;
  /** What was subscribed. */
  readonly handler: unknown;
  call(event: Event, context: HandlerContext): unknown;
}

/** Stands around each call of a handler, and decides whether and how it happens. */
export type Around = (event: Event, context: HandlerContext, call: () => unknown) => unknown;

export function surround(subscription: Subscription, around: Around): Subscription {
  return {
    ...subscription,
    call: (event, context) => around(event, context, () => subscription.call(event, context)),
  };
}

export type QueuedSubscription = Subscription & { readonly queued: QueuedSettings };

export function isQueued(subscription: Subscription): subscription is QueuedSubscription {
  return subscription.queued !== undefined;
}

export function listensTo(subscription: Subscription, topic: string): boolean {
  return subscription.types === undefined || subscription.types.includes(topic);
}
