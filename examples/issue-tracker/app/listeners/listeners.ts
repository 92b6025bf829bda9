import type { EntityManager } from '@mikro-orm/postgresql';
import { bus } from '../bus.js';
import { ActivityFeed } from './activity-feed.js';
import { AuthorNotifier } from './author-notifier.js';
import { ContributionGraph } from './contribution-graph.js';
import { Counters } from './counters.js';
import type { Mailbox } from './mailbox.js';
import { ReviewDesk } from './review-desk.js';
import { SpamCheck } from './spam-check.js';
import { WriteStatistics } from './write-statistics.js';

export interface Listeners {
  readonly notifier: AuthorNotifier;
  readonly spam: SpamCheck;
  readonly counters: Counters;
  readonly feed: ActivityFeed;
  readonly graph: ContributionGraph;
  readonly desk: ReviewDesk;
  readonly writes: WriteStatistics;
}

export function createListeners(em: EntityManager, mailbox: Mailbox = []): Listeners {
  return {
    notifier: new AuthorNotifier(mailbox),
    spam: new SpamCheck(),
    counters: new Counters(),
    feed: new ActivityFeed(em),
    graph: new ContributionGraph(),
    desk: new ReviewDesk(),
    writes: new WriteStatistics(),
  };
}

/** Subscribes them all; gives back how to end that. */
export function subscribeAll({ notifier, spam, counters, feed, graph, desk, writes }: Listeners): () => void {
  bus.subscribe(notifier, spam, counters, desk, writes);
  bus.subscribe(counters, { on: /comment_created$/, with: 'commented' });
  bus.subscribe(feed, { on: /^(issue|pull_request)_(?!saved|review_(submitted|dismissed|edited)$)/ });
  bus.subscribe(graph, { on: /^(?!label).+_(opened|created|submitted|closed)$/, with: 'contributed' });
  return () => void bus.unsubscribe(notifier, spam, counters, feed, graph, desk, writes);
}
