import { defineEvent } from 'handover';
import { z } from 'zod';

/** The milestone is that of the issue. Older editions of GitHub do not tell which one was taken away. */
const issue = z.object({
  issueId: z.number().int(),
  repository: z.string(),
  number: z.number().int(),
  title: z.string(),
  author: z.string(),
  actor: z.string(),
  at: z.date(),
  milestone: z.string().optional(),
});

/** An issue that came from another repository tells which fields that has changed. */
export class IssueOpened extends defineEvent(
  'IssueOpened',
  issue.extend({ edited: z.array(z.string()).optional() }),
) {}
export class IssueEdited extends defineEvent('IssueEdited', issue.extend({ edited: z.array(z.string()) })) {}
export class IssueClosed extends defineEvent('IssueClosed', issue) {}
export class IssueReopened extends defineEvent('IssueReopened', issue) {}
export class IssueDeleted extends defineEvent('IssueDeleted', issue) {}
export class IssueTransferred extends defineEvent('IssueTransferred', issue) {}
export class IssueLocked extends defineEvent('IssueLocked', issue) {}
export class IssueUnlocked extends defineEvent('IssueUnlocked', issue) {}
export class IssuePinned extends defineEvent('IssuePinned', issue) {}
export class IssueUnpinned extends defineEvent('IssueUnpinned', issue) {}

const label = issue.extend({ label: z.string() });
export class IssueLabeled extends defineEvent('IssueLabeled', label) {}
export class IssueUnlabeled extends defineEvent('IssueUnlabeled', label) {}

const assignee = issue.extend({ assignee: z.string() });
export class IssueAssigned extends defineEvent('IssueAssigned', assignee) {}
export class IssueUnassigned extends defineEvent('IssueUnassigned', assignee) {}

export class IssueMilestoned extends defineEvent('IssueMilestoned', issue) {}
export class IssueDemilestoned extends defineEvent('IssueDemilestoned', issue) {}
