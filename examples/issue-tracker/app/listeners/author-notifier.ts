import type { Comment } from '../entities/comment.js';
import type { Details, Issue } from '../entities/issue.js';
import type { PullRequest } from '../entities/pull-request.js';
import type { Review } from '../entities/review.js';
import type { User } from '../entities/user.js';
import type { Mailbox } from './mailbox.js';

/** Tells authors and assignees by mail what happened to their issues, pull requests and comments. */
export class AuthorNotifier {
  readonly mailbox: Mailbox;

  constructor(mailbox: Mailbox) {
    this.mailbox = mailbox;
  }

  issue_opened(issue: Issue) {
    this.#mail(issue.author, `Thank you for "${issue.title}"`);
  }

  issue_closed(issue: Issue, actor: User) {
    this.#mail(issue.author, `${actor.login} closed "${issue.title}"`);
  }

  issue_reopened(issue: Issue, actor: User) {
    this.#mail(issue.author, `${actor.login} reopened "${issue.title}"`);
  }

  issue_transferred(issue: Issue, actor: User) {
    this.#mail(issue.author, `${actor.login} moved "${issue.title}" to another repository`);
  }

  issue_labeled(issue: Issue, actor: User, { label }: Details) {
    this.#mail(issue.author, `${actor.login} labeled "${issue.title}" ${label}`);
  }

  issue_assigned(issue: Issue, actor: User, { assignee }: Details) {
    this.mailbox.push({
      to: assignee ?? issue.author.login,
      subject: `${actor.login} gave you "${issue.title}"`,
    });
  }

  issue_comment_created(comment: Comment) {
    this.#commented(comment);
  }

  commit_comment_created(comment: Comment) {
    this.#commented(comment);
  }

  pull_request_review_comment_created(comment: Comment) {
    this.#commented(comment);
  }

  pull_request_opened(pullRequest: PullRequest) {
    this.#mail(pullRequest.author, `Thank you for "${pullRequest.title}"`);
  }

  pull_request_closed(pullRequest: PullRequest, actor: User) {
    this.#mail(pullRequest.author, `${actor.login} closed "${pullRequest.title}"`);
  }

  pull_request_review_requested(pullRequest: PullRequest, actor: User, { reviewer }: Details) {
    const subject = `${actor.login} asks for your review of "${pullRequest.title}"`;
    this.mailbox.push({ to: reviewer ?? pullRequest.author.login, subject });
  }

  pull_request_review_submitted(review: Review) {
    const { author, title } = review.pullRequest;
    this.#mail(author, `${review.author.login} reviewed "${title}": ${review.state}`);
  }

  review_wanted({ title, author }: { readonly title: string; readonly author: string }) {
    this.mailbox.push({ to: 'reviewers', subject: `${author} wants a review of "${title}"` });
  }

  digest_ready({ login, contributions }: { readonly login: string; readonly contributions: number }) {
    this.mailbox.push({ to: login, subject: `Your digest: ${contributions} contributions` });
  }

  #commented({ author, subject }: Comment) {
    this.#mail(author, `Your comment on "${subject.title}" is online`);
  }

  #mail({ login }: User, subject: string) {
    this.mailbox.push({ to: login, subject });
  }
}
