import type { Effect, EventStore } from 'handover';
import type { PullRequestReady } from '../events/pull-request-events.js';
import { ReviewWanted } from '../events/review-wanted.js';

/** In the place of `ReviewDesk`: publishes what that broadcasts. */
export class AskForReview {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  async handle({ data: { title, author } }: PullRequestReady): Promise<void> {
    await this.#store.publish(new ReviewWanted({ title, author }));
  }
}

/** The old broadcast and the new event are one thing: listeners of the name hear either. */
export function broadcastAsEvent(effect: Effect): Effect {
  if (effect.kind !== 'broadcast' || effect.name !== 'review_wanted') return effect;
  return { kind: 'event', type: ReviewWanted.type, stream: undefined, data: effect.args[0] };
}
