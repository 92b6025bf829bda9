import type { EventStore } from 'handover';
import { ReviewRequested, ReviewRequestRemoved, ReviewSubmitted } from './events/pull-request-events.js';

type ReviewEvent = ReviewRequested | ReviewRequestRemoved | ReviewSubmitted;

export const reviewEvents = [ReviewRequested, ReviewRequestRemoved, ReviewSubmitted] as const;

/** Who is asked for a review and has not given one. Told after the commit: of nothing that was rolled back. */
export class ReviewInbox {
  readonly #waiting = new Set<string>();
  #heard = 0;

  get heard(): number {
    return this.#heard;
  }

  get waiting(): readonly string[] {
    return [...this.#waiting];
  }

  handle(event: ReviewEvent) {
    this.#heard += 1;
    const { reviewer, repository, number } = event.data;
    const request = `${reviewer ?? 'a team'} on ${repository}#${number}`;
    if (event instanceof ReviewRequested) this.#waiting.add(request);
    else this.#waiting.delete(request);
  }
}

export function openReviewInbox(store: EventStore): ReviewInbox {
  const inbox = new ReviewInbox();
  store.subscribe(inbox, { to: [...reviewEvents], run: 'after-commit', name: 'review inbox' });
  return inbox;
}
