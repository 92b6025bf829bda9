import { Publisher } from '../bus.js';
import type { PullRequest } from '../entities/pull-request.js';

/** Asks for a reviewer as soon as a draft is ready: a listener that broadcasts in its turn. */
export class ReviewDesk extends Publisher() {
  pull_request_ready_for_review({ title, author }: PullRequest) {
    this.broadcast('review_wanted', { title, author: author.login });
  }
}
