import { DeliveryLost, HandlerTimedOut, WorkerStopped } from '../../errors/delivery-errors.js';
import type { ClaimedDelivery } from '../delivery-log.js';
import type { HandlerContext } from '../handler-context.js';
import type { QueuedSubscription } from '../subscription.js';

/**
 * Gives one event to one handler.
 *
 * @returns `committed` when the delivery was completed in the handler's own transaction, else `handled`.
 */
export type Perform = (
  handler: QueuedSubscription,
  delivery: ClaimedDelivery,
  context: HandlerContext,
) => Promise<'committed' | 'handled'>;

export type Ending =
  | { readonly kind: 'committed' | 'handled' | 'given-back' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** One attempt. It ends when the handler does, when its time is up, or when the worker stops. */
export class DeliveryRun {
  readonly delivery: ClaimedDelivery;
  readonly handler: QueuedSubscription;
  readonly #abort = new AbortController();
  readonly #interrupted = Promise.withResolvers<Ending>();
  #handling = true;

  constructor(delivery: ClaimedDelivery, handler: QueuedSubscription) {
    this.delivery = delivery;
    this.handler = handler;
  }

  get isHandling(): boolean {
    return this.#handling;
  }

  /** Never rejects. What a handler does after its run was over has no effect on anything here. */
  async handle(perform: Perform): Promise<Ending> {
    const { timeout } = this.handler.queued;
    const timer = setTimeout(() => this.#timeOut(timeout), timeout);
    const ending = await Promise.race([this.#perform(perform), this.#interrupted.promise]);
    clearTimeout(timer);
    this.#handling = false;
    return ending;
  }

  /** Tells the handler that its delivery is somebody else's, and that nothing it does will be committed. */
  lose(): void {
    this.#abort.abort(new DeliveryLost(this.handler.name, this.delivery.event.id));
  }

  stop(): void {
    this.#abort.abort(new WorkerStopped());
    this.#interrupted.resolve({ kind: 'given-back' });
  }

  #timeOut(timeout: number): void {
    const error = new HandlerTimedOut(this.handler.name, this.delivery.event.id, timeout);
    this.#abort.abort(error);
    this.#interrupted.resolve({ kind: 'failed', error });
  }

  async #perform(perform: Perform): Promise<Ending> {
    try {
      return { kind: await perform(this.handler, this.delivery, this.#context()) };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  #context(): HandlerContext {
    const { event, attempt, handler, replaying } = this.delivery;
    return {
      signal: this.#abort.signal,
      attempt,
      replaying,
      idempotencyKey: `${event.id}:${handler}`,
      delivery: { eventId: event.id, handler },
    };
  }
}
