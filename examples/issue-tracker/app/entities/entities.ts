import { Comment } from './comment.js';
import { FeedEntry } from './feed-entry.js';
import { Issue } from './issue.js';
import { Label } from './label.js';
import { Milestone } from './milestone.js';
import { PullRequest } from './pull-request.js';
import { Repository } from './repository.js';
import { Review } from './review.js';
import { User } from './user.js';

export const entities = [
  User,
  Repository,
  Label,
  Milestone,
  Issue,
  PullRequest,
  Review,
  Comment,
  FeedEntry,
] as const;
