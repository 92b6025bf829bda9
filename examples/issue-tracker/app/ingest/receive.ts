import type { EntityManager } from '@mikro-orm/postgresql';
import type { Subject } from '../entities/comment.js';
import type { Details } from '../entities/issue.js';
import type { Repository } from '../entities/repository.js';
import type { User } from '../entities/user.js';
import type {
  CommentFields,
  IssueFields,
  LabelFields,
  MilestoneFields,
  Payload,
  PullRequestFields,
  ReviewFields,
  Webhook,
} from '../webhook.js';
import {
  saveComment,
  saveIssue,
  saveLabel,
  saveMilestone,
  savePullRequest,
  saveRepository,
  saveReview,
  saveUser,
} from './save.js';

interface Delivery {
  readonly em: EntityManager;
  readonly kind: string;
  readonly payload: Payload;
  readonly repository: Repository;
  readonly actor: User;
}

/** Stores what a webhook tells, then lets it be known. Kinds and actions that nobody foresaw are let known too. */
export async function receive(em: EntityManager, { kind, payload }: Webhook): Promise<void> {
  const repository = await saveRepository(em, payload.repository);
  const actor = await saveUser(em, payload.sender);
  const delivery = { em, kind, payload, repository, actor };
  if (!(await receiveKnown(delivery))) repository.heard(kind, payload.action, actor);
}

/** False when the webhook is about nothing that is kept here. The most particular subject comes first. */
async function receiveKnown(delivery: Delivery): Promise<boolean> {
  const { kind } = delivery;
  const { comment, review, thread, label, milestone, issue, pull_request: pullRequest } = delivery.payload;
  if (comment !== undefined) await receiveComment(delivery, comment);
  else if (review !== undefined && pullRequest !== undefined) {
    await receiveReview(delivery, pullRequest, review);
  } else if (thread !== undefined && pullRequest !== undefined) {
    await receiveThread(delivery, pullRequest, thread.node_id);
  } else if (kind === 'pull_request' && pullRequest !== undefined) {
    await receivePullRequest(delivery, pullRequest);
  } else if (kind === 'issues' && issue !== undefined) await receiveIssue(delivery, issue);
  else if (kind === 'label' && label !== undefined) await receiveLabel(delivery, label);
  else if (kind === 'milestone' && milestone !== undefined) await receiveMilestone(delivery, milestone);
  else return false;
  return true;
}

async function receiveIssue({ em, payload, repository, actor }: Delivery, fields: IssueFields) {
  const issue = await saveIssue(em, fields, repository);
  issue.happened(payload.action, actor, detailsOf(payload, fields.milestone?.title));
}

async function receivePullRequest({ em, payload, repository, actor }: Delivery, fields: PullRequestFields) {
  const pullRequest = await savePullRequest(em, fields, repository);
  pullRequest.happened(payload.action, actor, detailsOf(payload));
}

async function receiveComment(delivery: Delivery, fields: CommentFields) {
  const { em, kind, payload, repository, actor } = delivery;
  const place = {
    repository,
    subject: await subjectOf(delivery, fields),
    deleted: payload.action === 'deleted',
  };
  const comment = await saveComment(em, `${kind}-${fields.id}`, fields, place);
  comment.happened(kind, payload.action, actor);
}

async function subjectOf({ em, payload, repository }: Delivery, comment: CommentFields): Promise<Subject> {
  const { issue, pull_request: pullRequest, discussion } = payload;
  if (issue !== undefined) {
    const { id, title } = await saveIssue(em, issue, repository);
    return { type: 'Issue', id: String(id), title };
  }
  if (pullRequest !== undefined) {
    const { id, title } = await savePullRequest(em, pullRequest, repository);
    return { type: 'PullRequest', id: String(id), title };
  }
  if (discussion !== undefined) {
    return { type: 'Discussion', id: String(discussion.id), title: discussion.title };
  }
  const commit = comment.commit_id ?? 'unknown';
  return { type: 'Commit', id: commit, title: `commit ${commit.slice(0, 7)}` };
}

async function receiveReview(
  { em, payload, repository, actor }: Delivery,
  pullRequestFields: PullRequestFields,
  fields: ReviewFields,
) {
  const pullRequest = await savePullRequest(em, pullRequestFields, repository);
  const review = await saveReview(em, fields, pullRequest);
  review.happened(payload.action, actor);
}

async function receiveThread(
  { em, payload, repository, actor }: Delivery,
  fields: PullRequestFields,
  thread: string,
) {
  const pullRequest = await savePullRequest(em, fields, repository);
  pullRequest.threadHappened(payload.action, actor, thread);
}

async function receiveLabel({ em, payload, repository, actor }: Delivery, fields: LabelFields) {
  const label = await saveLabel(em, fields, { repository, deleted: payload.action === 'deleted' });
  label.happened(payload.action, actor);
}

async function receiveMilestone({ em, payload, repository, actor }: Delivery, fields: MilestoneFields) {
  const milestone = await saveMilestone(em, fields, repository);
  milestone.happened(payload.action, actor);
}

/** A webhook names the milestone of an issue beside it or, in older editions of GitHub, only within it. */
function detailsOf(payload: Payload, milestoneWithin?: string): Details {
  const { label, assignee, requested_reviewer: reviewer, changes } = payload;
  const milestone = payload.milestone?.title ?? milestoneWithin;
  return {
    ...(label !== undefined && { label: label.name }),
    ...(milestone !== undefined && { milestone }),
    ...(assignee !== undefined && assignee !== null && { assignee: assignee.login }),
    ...(reviewer !== undefined && { reviewer: reviewer.login }),
    ...(changes !== undefined && { edited: Object.keys(changes) }),
  };
}
