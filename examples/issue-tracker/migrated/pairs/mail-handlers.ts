import type { Mailbox } from '../../app/listeners/mailbox.js';
import type { IssueAssigned, IssueOpened } from '../events/issue-events.js';

/** In the place of `AuthorNotifier.issue_opened`. */
export class ThankAuthor {
  readonly #mailbox: Mailbox;

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
  }

  handle({ data: { author, title } }: IssueOpened) {
    this.#mailbox.push({ to: author, subject: `Thank you for "${title}"` });
  }
}

/** In the place of `AuthorNotifier.issue_assigned`. */
export class TellAssignee {
  readonly #mailbox: Mailbox;

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
  }

  handle({ data: { actor, assignee, title } }: IssueAssigned) {
    this.#mailbox.push({ to: assignee, subject: `${actor} gave you "${title}"` });
  }
}
