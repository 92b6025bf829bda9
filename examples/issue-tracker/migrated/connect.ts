import type { EventClass, EventStore } from 'handover';
import { bus } from '../app/bus.js';
import type { Comment } from '../app/entities/comment.js';
import type { Details, Issue } from '../app/entities/issue.js';
import type { PullRequest } from '../app/entities/pull-request.js';
import type { Review } from '../app/entities/review.js';
import type { User } from '../app/entities/user.js';
import * as comments from './events/comment-events.js';
import { DigestReady } from './events/digest-ready.js';
import * as issues from './events/issue-events.js';
import * as pulls from './events/pull-request-events.js';
import { ReviewWanted } from './events/review-wanted.js';
import { subjectAndActor } from './old-arguments.js';

/**
 * The one line that turns recording on. Names that are missing here are recorded raw: labels, milestones, review
 * threads, what the entities' own callbacks broadcast, and whatever GitHub may think of next.
 */
export function connectTracker(store: EventStore) {
  return bus.connect(store, { events, unmapped: 'record' });
}

const events = {
  issue_opened: onIssue(issues.IssueOpened),
  issue_edited: onIssue(issues.IssueEdited),
  issue_closed: onIssue(issues.IssueClosed),
  issue_reopened: onIssue(issues.IssueReopened),
  issue_deleted: onIssue(issues.IssueDeleted),
  issue_transferred: onIssue(issues.IssueTransferred),
  issue_locked: onIssue(issues.IssueLocked),
  issue_unlocked: onIssue(issues.IssueUnlocked),
  issue_pinned: onIssue(issues.IssuePinned),
  issue_unpinned: onIssue(issues.IssueUnpinned),
  issue_labeled: onIssue(issues.IssueLabeled),
  issue_unlabeled: onIssue(issues.IssueUnlabeled),
  issue_assigned: onIssue(issues.IssueAssigned),
  issue_unassigned: onIssue(issues.IssueUnassigned),
  issue_milestoned: onIssue(issues.IssueMilestoned),
  issue_demilestoned: onIssue(issues.IssueDemilestoned),

  pull_request_opened: onPullRequest(pulls.PullRequestOpened),
  pull_request_closed: onPullRequest(pulls.PullRequestClosed),
  pull_request_reopened: onPullRequest(pulls.PullRequestReopened),
  pull_request_synchronize: onPullRequest(pulls.PullRequestSynchronized),
  pull_request_locked: onPullRequest(pulls.PullRequestLocked),
  pull_request_unlocked: onPullRequest(pulls.PullRequestUnlocked),
  pull_request_converted_to_draft: onPullRequest(pulls.PullRequestDrafted),
  pull_request_ready_for_review: onPullRequest(pulls.PullRequestReady),
  pull_request_labeled: onPullRequest(pulls.PullRequestLabeled),
  pull_request_unlabeled: onPullRequest(pulls.PullRequestUnlabeled),
  pull_request_assigned: onPullRequest(pulls.PullRequestAssigned),
  pull_request_unassigned: onPullRequest(pulls.PullRequestUnassigned),
  pull_request_review_requested: onPullRequest(pulls.ReviewRequested),
  pull_request_review_request_removed: onPullRequest(pulls.ReviewRequestRemoved),
  pull_request_review_submitted: onReview(pulls.ReviewSubmitted),
  pull_request_review_dismissed: onReview(pulls.ReviewDismissed),

  issue_comment_created: onComment(comments.CommentAdded),
  issue_comment_edited: onComment(comments.CommentEdited),
  issue_comment_deleted: onComment(comments.CommentDeleted),
  commit_comment_created: onComment(comments.CommentAdded),
  discussion_comment_created: onComment(comments.CommentAdded),
  discussion_comment_edited: onComment(comments.CommentEdited),
  discussion_comment_deleted: onComment(comments.CommentDeleted),
  pull_request_review_comment_created: onComment(comments.CommentAdded),
  pull_request_review_comment_edited: onComment(comments.CommentEdited),
  pull_request_review_comment_deleted: onComment(comments.CommentDeleted),

  /** The broadcasts' one plain object is the data; so new code may publish them, and old listeners hear it. */
  digest_ready: DigestReady,
  review_wanted: ReviewWanted,
};

function onIssue(event: EventClass) {
  return {
    event,
    data: (issue: Issue, actor: User, details: Details) => ({
      issueId: issue.id,
      ...placeOf(issue),
      actor: actor.login,
      ...details,
    }),
    stream: ({ id }: Issue) => `Issue-${id}`,
    args: subjectAndActor,
  };
}

function onPullRequest(event: EventClass) {
  return {
    event,
    data: (pullRequest: PullRequest, actor: User, details: Details) => ({
      pullRequestId: pullRequest.id,
      merged: pullRequest.merged,
      ...placeOf(pullRequest),
      actor: actor.login,
      ...details,
    }),
    stream: ({ id }: PullRequest) => `PullRequest-${id}`,
    args: subjectAndActor,
  };
}

function onReview(event: EventClass) {
  return {
    event,
    data: ({ id, state, author, pullRequest, updatedAt }: Review, actor: User) => ({
      reviewId: id,
      state,
      reviewer: author.login,
      pullRequestId: pullRequest.id,
      ...placeOf(pullRequest),
      actor: actor.login,
      at: updatedAt,
    }),
    stream: ({ pullRequest }: Review) => `PullRequest-${pullRequest.id}`,
  };
}

function onComment(event: EventClass) {
  return {
    event,
    data: ({ id, subject, body, updatedAt }: Comment, actor: User) => ({
      commentId: id,
      on: subject.type,
      subjectId: subject.id,
      title: subject.title,
      actor: actor.login,
      text: body,
      at: updatedAt,
    }),
    stream: ({ subject }: Comment) => `${subject.type}-${subject.id}`,
  };
}

function placeOf({ repository, number, title, author, updatedAt }: Issue | PullRequest) {
  return { repository: repository.name, number, title, author: author.login, at: updatedAt };
}
