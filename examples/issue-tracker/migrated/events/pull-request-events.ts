import { defineEvent } from 'handover';
import { z } from 'zod';

const pullRequest = z.object({
  pullRequestId: z.number().int(),
  repository: z.string(),
  number: z.number().int(),
  title: z.string(),
  author: z.string(),
  actor: z.string(),
  at: z.date(),
});

export class PullRequestOpened extends defineEvent('PullRequestOpened', pullRequest) {}
export class PullRequestClosed extends defineEvent(
  'PullRequestClosed',
  pullRequest.extend({ merged: z.boolean() }),
) {}
export class PullRequestReopened extends defineEvent('PullRequestReopened', pullRequest) {}
export class PullRequestSynchronized extends defineEvent('PullRequestSynchronized', pullRequest) {}
export class PullRequestLocked extends defineEvent('PullRequestLocked', pullRequest) {}
export class PullRequestUnlocked extends defineEvent('PullRequestUnlocked', pullRequest) {}
export class PullRequestDrafted extends defineEvent('PullRequestDrafted', pullRequest) {}
export class PullRequestReady extends defineEvent('PullRequestReady', pullRequest) {}

const label = pullRequest.extend({ label: z.string() });
export class PullRequestLabeled extends defineEvent('PullRequestLabeled', label) {}
export class PullRequestUnlabeled extends defineEvent('PullRequestUnlabeled', label) {}

const assignee = pullRequest.extend({ assignee: z.string() });
export class PullRequestAssigned extends defineEvent('PullRequestAssigned', assignee) {}
export class PullRequestUnassigned extends defineEvent('PullRequestUnassigned', assignee) {}

/** A team may be asked instead of a person. */
const reviewer = pullRequest.extend({ reviewer: z.string().optional() });
export class ReviewRequested extends defineEvent('ReviewRequested', reviewer) {}
export class ReviewRequestRemoved extends defineEvent('ReviewRequestRemoved', reviewer) {}

const review = pullRequest.extend({ reviewId: z.number().int(), reviewer: z.string(), state: z.string() });
export class ReviewSubmitted extends defineEvent('ReviewSubmitted', review) {}
export class ReviewDismissed extends defineEvent('ReviewDismissed', review) {}
