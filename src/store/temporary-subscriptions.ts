import {
  toSubscription,
  type DeclaredHandler,
  type DeclaredOptions,
  type Handler,
  type SubscribeOptions,
} from '../delivery/handler.js';
import type { Declaration, EventOf } from '../delivery/handles.js';
import type { Subscription } from '../delivery/subscription.js';
import { InvalidArgument } from '../errors/argument-errors.js';
import type { EventClass } from '../events/define-event.js';
import { contextOf, runWithin } from './context.js';
import type { EventTypes } from './event-types.js';

/** Handlers that hear what `work` publishes, in its async context and only until it ends. */
export class TemporarySubscriptions<T> {
  readonly #store: object;
  readonly #types: EventTypes;
  readonly #work: () => T | Promise<T>;
  readonly #subscriptions: readonly Subscription[];

  constructor(
    store: object,
    types: EventTypes,
    work: () => T | Promise<T>,
    subscriptions: readonly Subscription[] = [],
  ) {
    if (typeof work !== 'function') throw new InvalidArgument('within', 'given a function', work);
    this.#store = store;
    this.#types = types;
    this.#work = work;
    this.#subscriptions = subscriptions;
  }

  subscribe(handlerClass: DeclaredHandler, options?: DeclaredOptions): TemporarySubscriptions<T>;
  subscribe<Target extends EventClass | string>(
    handler: Handler<EventOf<Target>>,
    options: SubscribeOptions<Target>,
  ): TemporarySubscriptions<T>;
  subscribe(handler: unknown, options: Declaration = {}): TemporarySubscriptions<T> {
    const wish = toSubscription(handler, options, 'listed');
    for (const eventClass of wish.eventClasses) this.#types.learn(eventClass);
    return this.#and(wish.subscription);
  }

  subscribeToAll(handler: Handler): TemporarySubscriptions<T> {
    return this.#and(toSubscription(handler, {}, 'all').subscription);
  }

  /**
   * Runs the work and returns its value. The handlers are gone when it ends, also when it throws: what a transaction
   * around it commits later, they do not hear. Within a handler, its publishes are handled before it ends.
   */
  async run(): Promise<T> {
    const active = { on: true };
    const guarded = this.#subscriptions.map((each) => whileActive(each, active));
    const temporary = [...contextOf(this.#store).temporary, ...guarded];
    try {
      return await runWithin(this.#store, { temporary, round: undefined }, this.#work);
    } finally {
      active.on = false;
    }
  }

  #and(subscription: Subscription): TemporarySubscriptions<T> {
    if (subscription.run === 'queued') {
      const remedy = 'Subscribe it to the store, or run it after the commit.';
      throw new InvalidArgument('run', "'after-commit' or 'in-transaction' within", 'queued', remedy);
    }
    return new TemporarySubscriptions(this.#store, this.#types, this.#work, [
      ...this.#subscriptions,
      subscription,
    ]);
  }
}

/** Work that was started within and outlives it keeps its async context, but no longer the handlers. */
function whileActive(subscription: Subscription, active: { readonly on: boolean }): Subscription {
  return {
    ...subscription,
    get types() {
      return active.on ? subscription.types : [];
    },
  };
}
