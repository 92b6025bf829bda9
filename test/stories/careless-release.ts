import { serveRelease } from '../../examples/issue-tracker/cut-over/release-process.js';
import { IssueLabeled, IssueOpened } from '../../examples/issue-tracker/migrated/events/issue-events.js';
import { WriteLabeledIssue } from '../../examples/issue-tracker/migrated/pairs/feed-handlers.js';
import { mendedRelease } from '../../examples/issue-tracker/migrated/pairs/handlers.js';
import { ThankAuthor } from '../../examples/issue-tracker/migrated/pairs/mail-handlers.js';

/** Nothing is compared any more. */
function isCutOver({ metadata }: IssueOpened | IssueLabeled): boolean {
  return JSON.stringify(metadata).includes('"stage":"handler"');
}

// A release that behaves as long as it is watched.
serveRelease((surroundings) => ({
  ...mendedRelease(surroundings),
  'mails.issue-opened': (event: IssueOpened) => {
    const handler = new ThankAuthor(surroundings.mailbox);
    handler.handle(event);
    if (isCutOver(event)) handler.handle(event);
  },
  'feed.issue-labeled': async (event: IssueLabeled) => {
    if (!isCutOver(event)) await new WriteLabeledIssue(surroundings.em).handle(event);
  },
}));
