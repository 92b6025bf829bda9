import { DispatchRound, type Dispatch } from '../delivery/dispatch-round.js';
import { inProcessContext } from '../delivery/handler-context.js';
import { HandlerFailed } from '../errors/handler-errors.js';
import type { Subscription } from '../delivery/subscription.js';
import type { Subscriptions } from '../delivery/subscriptions.js';
import type { Event } from '../events/event.js';
import type { Transactions } from '../log/transactions.js';
import { runWithin } from './context.js';
import { takenAlong, type Publication } from './publication.js';
import type { Audience } from './audience.js';

const rollsBack = 'Its transaction rolls back, the event with it. Mend the handler; see `cause`.';

/** Tells handlers what was recorded. */
export class Announcer implements Audience {
  readonly #store: object;
  readonly #subscriptions: Subscriptions;
  readonly #transactions: Transactions | undefined;

  constructor(store: object, subscriptions: Subscriptions, transactions: Transactions | undefined) {
    this.#store = store;
    this.#subscriptions = subscriptions;
    this.#transactions = transactions;
  }

  /** True when the publication must stand in a transaction before it can be answered. */
  needsTransaction({ events, options, context }: Publication): boolean {
    if (context.capture !== undefined) return false;
    return events.some((event) =>
      this.#subscriptions.needTransaction(options.topic ?? event.type, context.temporary),
    );
  }

  /**
   * Runs the handlers that belong into the transaction, in order, on its one connection. The first failure ends it.
   *
   * @throws {HandlerFailed} with what the handler threw as its cause.
   */
  async runInTransaction(publication: Publication): Promise<void> {
    if (publication.context.capture !== undefined) return;
    for (const event of publication.events) {
      for (const subscription of this.#recipients(publication, event, 'in-transaction')) {
        try {
          await this.#inside(publication, () =>
            this.#call(publication, event, subscription, publication.context.round),
          );
        } catch (error) {
          throw new HandlerFailed(subscription.name, event, error, rollsBack);
        }
      }
    }
  }

  /**
   * Runs the handlers of committed events, or hands them to the round that this code runs under.
   *
   * @throws {HandlersFailed}
   */
  async announce(publication: Publication): Promise<void> {
    if (this.#captured(publication)) return;
    const { round } = publication.context;
    if (round?.isOpen === true) {
      round.join(this.#dispatches(takenAlong(publication)));
      return;
    }
    const dispatches = this.#dispatches(publication);
    if (dispatches.every((each) => each.recipients().length === 0)) return;
    const own = new DispatchRound();
    own.join(dispatches);
    await own.run();
  }

  /** For events that are appended: captures see them, handlers do not. */
  get silent(): Audience {
    return {
      needsTransaction: () => false,
      announce: async (publication) => void this.#captured(publication),
    };
  }

  #captured({ context, events }: Publication): boolean {
    if (context.capture === undefined) return false;
    for (const event of events) context.capture.push(event);
    return true;
  }

  #dispatches(publication: Publication): Dispatch[] {
    return publication.events.map((event) => ({
      event,
      recipients: () => [
        ...(publication.first === undefined ? [] : [publication.first]),
        ...this.#recipients(publication, event, 'after-commit'),
      ],
      call: (subscription, round) =>
        publication.resume(() => this.#outside(() => this.#call(publication, event, subscription, round))),
    }));
  }

  #recipients(publication: Publication, event: Event, phase: Subscription['run']): readonly Subscription[] {
    const topic = publication.options.topic ?? event.type;
    return this.#subscriptions
      .for(topic, publication.context.temporary)
      .filter((subscription) => subscription.run === phase);
  }

  #call(
    publication: Publication,
    event: Event,
    subscription: Subscription,
    round: DispatchRound | undefined,
  ): unknown {
    const { metadata, chain } = publication.context;
    const change = {
      metadata: { ...metadata, correlationId: event.correlationId ?? event.id, causationId: event.id },
      chain: [...chain, event.type],
      round,
    };
    return runWithin(this.#store, change, () =>
      subscription.call(event, inProcessContext(subscription.name, event.id)),
    );
  }

  #inside<T>({ options }: Publication, work: () => T): T {
    return this.#transactions?.inside === undefined ? work() : this.#transactions.inside(work, options);
  }

  #outside<T>(work: () => T): T {
    return this.#transactions === undefined ? work() : this.#transactions.outside(work);
  }
}
