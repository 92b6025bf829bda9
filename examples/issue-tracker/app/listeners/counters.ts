import type { Comment } from '../entities/comment.js';
import type { Issue } from '../entities/issue.js';
import type { PullRequest } from '../entities/pull-request.js';
import type { Review } from '../entities/review.js';

/** Keeps the numbers on a repository's front page. */
export class Counters {
  issue_opened({ repository }: Issue) {
    repository.opened += 1;
  }

  issue_closed({ repository }: Issue) {
    repository.closed += 1;
  }

  pull_request_opened({ repository }: PullRequest) {
    repository.opened += 1;
  }

  pull_request_closed({ repository }: PullRequest) {
    repository.closed += 1;
  }

  commented({ repository }: Comment) {
    repository.commented += 1;
  }

  pull_request_review_submitted({ pullRequest }: Review) {
    pullRequest.repository.reviewed += 1;
  }
}
