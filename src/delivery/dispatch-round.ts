import { HandlerFailed, HandlersFailed } from '../errors/handler-errors.js';
import type { Event } from '../events/event.js';
import type { Subscription } from './subscription.js';

/** One event on its way to its after-commit handlers. */
export interface Dispatch {
  readonly event: Event;
  /** Asked when the event's turn has come, so that earlier handlers may subscribe and unsubscribe. */
  recipients(): readonly Subscription[];
  /** Calls one handler in the context it belongs to. */
  call(subscription: Subscription, round: DispatchRound): unknown;
}

/**
 * Handles events one after the other, first in, first out.
 *
 * What handlers publish joins the end of the round they run in, so all handlers of one event run before those of
 * the next (hazards H17). A handler that fails stops nobody else.
 */
export class DispatchRound {
  readonly #queue: Dispatch[] = [];
  readonly #failures: HandlerFailed[] = [];
  #open = true;

  /** False once the round is over: late publishes start a round of their own. */
  get isOpen(): boolean {
    return this.#open;
  }

  join(dispatches: readonly Dispatch[]): void {
    this.#queue.push(...dispatches);
  }

  /** @throws {HandlersFailed} */
  async run(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      for (const subscription of next.recipients()) await this.#handle(next, subscription);
    }
    this.#open = false;
    if (this.#failures.length > 0) throw new HandlersFailed(this.#failures);
  }

  async #handle(dispatch: Dispatch, subscription: Subscription): Promise<void> {
    try {
      await dispatch.call(subscription, this);
    } catch (error) {
      this.#failures.push(new HandlerFailed(subscription.name, dispatch.event, error));
    }
  }
}
