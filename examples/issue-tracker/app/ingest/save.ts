import type { EntityManager } from '@mikro-orm/postgresql';
import { Comment, type Subject } from '../entities/comment.js';
import { Issue } from '../entities/issue.js';
import { Label } from '../entities/label.js';
import { Milestone } from '../entities/milestone.js';
import { PullRequest } from '../entities/pull-request.js';
import { Repository } from '../entities/repository.js';
import { Review } from '../entities/review.js';
import { User } from '../entities/user.js';
import type {
  CommentFields,
  IssueFields,
  LabelFields,
  MilestoneFields,
  PullRequestFields,
  RepositoryFields,
  ReviewFields,
  UserFields,
} from '../webhook.js';

export async function saveUser(em: EntityManager, { id, login }: UserFields): Promise<User> {
  const known = await em.findOne(User, id);
  return known === null ? em.create(User, { id, login }) : em.assign(known, { login });
}

export async function saveRepository(em: EntityManager, fields: RepositoryFields): Promise<Repository> {
  const { id, full_name: name } = fields;
  const known = await em.findOne(Repository, id);
  return known === null ? em.create(Repository, { id, name }) : em.assign(known, { name });
}

export async function saveIssue(
  em: EntityManager,
  fields: IssueFields,
  repository: Repository,
): Promise<Issue> {
  const { id, number, title } = fields;
  const row = {
    number,
    title,
    repository,
    author: await saveUser(em, fields.user),
    body: fields.body ?? '',
    state: fields.state ?? 'open',
    locked: fields.locked ?? false,
    labels: (fields.labels ?? []).map(({ name }) => name),
    milestone: fields.milestone?.title ?? null,
    updatedAt: new Date(fields.updated_at),
  };
  const known = await em.findOne(Issue, id);
  return known === null ? em.create(Issue, { id, ...row }) : em.assign(known, row);
}

export async function savePullRequest(
  em: EntityManager,
  fields: PullRequestFields,
  repository: Repository,
): Promise<PullRequest> {
  const { id, number, title } = fields;
  const row = {
    number,
    title,
    repository,
    author: await saveUser(em, fields.user),
    state: fields.state ?? 'open',
    draft: fields.draft ?? false,
    merged: typeof fields.merged_at === 'string',
    updatedAt: new Date(fields.updated_at),
  };
  const known = await em.findOne(PullRequest, id);
  return known === null ? em.create(PullRequest, { id, ...row }) : em.assign(known, row);
}

export async function saveComment(
  em: EntityManager,
  id: string,
  fields: CommentFields,
  place: { readonly repository: Repository; readonly subject: Subject; readonly deleted: boolean },
): Promise<Comment> {
  const row = {
    ...place,
    author: await saveUser(em, fields.user),
    body: fields.body,
    updatedAt: new Date(fields.updated_at),
  };
  const known = await em.findOne(Comment, id);
  return known === null ? em.create(Comment, { id, ...row }) : em.assign(known, row);
}

export async function saveReview(
  em: EntityManager,
  fields: ReviewFields,
  pullRequest: PullRequest,
): Promise<Review> {
  const { id, state } = fields;
  const row = {
    state,
    pullRequest,
    author: await saveUser(em, fields.user),
    updatedAt: new Date(fields.submitted_at),
  };
  const known = await em.findOne(Review, id);
  return known === null ? em.create(Review, { id, ...row }) : em.assign(known, row);
}

export async function saveLabel(
  em: EntityManager,
  fields: LabelFields,
  place: { readonly repository: Repository; readonly deleted: boolean },
): Promise<Label> {
  const { id, name, color } = fields;
  const row = { name, color, ...place };
  const known = await em.findOne(Label, id);
  return known === null ? em.create(Label, { id, ...row }) : em.assign(known, row);
}

export async function saveMilestone(
  em: EntityManager,
  fields: MilestoneFields,
  repository: Repository,
): Promise<Milestone> {
  const { id, title, state } = fields;
  const row = { title, state, repository, updatedAt: new Date(fields.updated_at) };
  const known = await em.findOne(Milestone, id);
  return known === null ? em.create(Milestone, { id, ...row }) : em.assign(known, row);
}
