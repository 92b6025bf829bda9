import { listensTo, type Subscription } from './subscription.js';

/** The handlers of one store: those bound to types first, then those of all events, each in subscribing order. */
export class Subscriptions {
  #typed: readonly Subscription[] = [];
  #global: readonly Subscription[] = [];

  /** @returns What takes exactly this subscription away again; harmless when called twice. */
  add(subscription: Subscription): () => void {
    if (subscription.types === undefined) this.#global = [...this.#global, subscription];
    else this.#typed = [...this.#typed, subscription];
    return () => {
      this.#typed = this.#typed.filter((each) => each !== subscription);
      this.#global = this.#global.filter((each) => each !== subscription);
    };
  }

  /** Who hears `topic`, in the order of calling; `temporary` come last. A type listed twice is called twice. */
  for(topic: string, temporary: readonly Subscription[]): readonly Subscription[] {
    const typed = this.#typed.flatMap((each) => repeated(each, topic));
    return [...typed, ...this.#global, ...temporary.flatMap((each) => repeated(each, topic))];
  }

  /** True when a handler of `topic` has to run inside the transaction. */
  needTransaction(topic: string, temporary: readonly Subscription[]): boolean {
    const waiting = (each: Subscription) => each.run === 'in-transaction' && listensTo(each, topic);
    return this.#typed.some(waiting) || this.#global.some(waiting) || temporary.some(waiting);
  }
}

function repeated(subscription: Subscription, topic: string): readonly Subscription[] {
  if (subscription.types === undefined) return [subscription];
  return subscription.types.filter((type) => type === topic).map(() => subscription);
}
