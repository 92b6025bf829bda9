import type { Pair, PairOptions } from 'handover/legacy';
import { bus } from '../../app/bus.js';
import type { Listeners } from '../../app/listeners/listeners.js';
import { IssueAssigned, IssueLabeled, IssueOpened } from '../events/issue-events.js';
import { PullRequestReady } from '../events/pull-request-events.js';
import { broadcastAsEvent } from './ask-for-review.js';
import type { Handlers } from './handlers.js';

/**
 * An example cannot wait: a real gate keeps its days, and its 300 matches in a row. Nor may a busy machine close this one:
 * a handler that writes its own rows takes longer than a listener that leaves them to its publisher.
 */
export const gate = { days: 0, runs: 10, slowdown: 100_000 };

/** Which handler takes the place of which listener. */
export function declarePairs({ notifier, feed, desk }: Listeners, handlers: Handlers): readonly Pair[] {
  const declare = (name: keyof Handlers, options: Omit<PairOptions, 'handler'>) =>
    bus.pair(name, {
      handler: handlers[name],
      subscribe: { name, run: 'queued' },
      stage: 'shadow',
      budget: 30_000,
      gate,
      ...options,
    });
  return [
    declare('mails.issue-opened', { event: IssueOpened, listener: [notifier, 'issue_opened'] }),
    declare('mails.issue-assigned', { event: IssueAssigned, listener: [notifier, 'issue_assigned'] }),
    // A line that is lost in a crash harms nobody; a mail, or a request for a review, would.
    declare('feed.issue-opened', {
      event: IssueOpened,
      listener: [feed, 'issue_opened'],
      subscribe: { name: 'feed.issue-opened', run: 'after-commit' },
    }),
    declare('feed.issue-labeled', {
      event: IssueLabeled,
      listener: [feed, 'issue_labeled'],
      subscribe: { name: 'feed.issue-labeled', run: 'after-commit' },
    }),
    declare('reviews.wanted', {
      event: PullRequestReady,
      listener: [desk, 'pull_request_ready_for_review'],
      normalise: broadcastAsEvent,
    }),
  ];
}
