import type { EntityManager } from '@mikro-orm/postgresql';
import type { Comment } from '../entities/comment.js';
import { FeedEntry } from '../entities/feed-entry.js';
import type { Details, Issue } from '../entities/issue.js';
import type { PullRequest } from '../entities/pull-request.js';
import type { User } from '../entities/user.js';

type Subject = Issue | PullRequest | Comment;

/** Writes a line for all that happens to issues, pull requests and their comments, known action or not. */
export class ActivityFeed {
  readonly #em: EntityManager;

  constructor(em: EntityManager) {
    this.#em = em;
  }

  methodFor(event: string) {
    const what = event.replaceAll('_', ' ');
    return (subject: Subject, actor: User, details: Details = {}) => {
      const about = Object.values(details).flat().join(', ');
      const title = 'title' in subject ? subject.title : subject.subject.title;
      this.#em.persist(
        this.#em.create(FeedEntry, {
          repository: subject.repository.name,
          text: `${actor.login}: ${what}${about && ` (${about})`} on "${title}"`,
          at: subject.updatedAt,
        }),
      );
    };
  }
}
