import type { EntityManager } from '@mikro-orm/postgresql';
import type { EventStore, Handler } from 'handover';
import type { Mailbox } from '../../app/listeners/mailbox.js';
import type { IssueAssigned, IssueLabeled, IssueOpened } from '../events/issue-events.js';
import type { PullRequestReady } from '../events/pull-request-events.js';
import { AskForReview } from './ask-for-review.js';
import { WriteLabeledIssue, WriteOpenedIssue, WriteOpenedOrMovedIssue } from './feed-handlers.js';
import { TellAssignee, ThankAuthor } from './mail-handlers.js';

/** What handlers have effects on. */
export interface Surroundings {
  readonly store: EventStore;
  readonly em: EntityManager;
  readonly mailbox: Mailbox;
}

/** By the name of the pair. */
export interface Handlers {
  readonly 'mails.issue-opened': Handler<IssueOpened>;
  readonly 'mails.issue-assigned': Handler<IssueAssigned>;
  readonly 'feed.issue-opened': Handler<IssueOpened>;
  readonly 'feed.issue-labeled': Handler<IssueLabeled>;
  readonly 'reviews.wanted': Handler<PullRequestReady>;
}

/** What the team deployed first. */
export function firstRelease({ store, em, mailbox }: Surroundings): Handlers {
  return {
    'mails.issue-opened': { create: () => new ThankAuthor(mailbox) },
    'mails.issue-assigned': { create: () => new TellAssignee(mailbox) },
    'feed.issue-opened': { create: () => new WriteOpenedIssue(em) },
    'feed.issue-labeled': { create: () => new WriteLabeledIssue(em) },
    'reviews.wanted': { create: () => new AskForReview(store) },
  };
}

/** What it deployed after the verdicts: one handler is another. */
export function mendedRelease(surroundings: Surroundings): Handlers {
  const { em } = surroundings;
  return {
    ...firstRelease(surroundings),
    'feed.issue-opened': { create: () => new WriteOpenedOrMovedIssue(em) },
  };
}
