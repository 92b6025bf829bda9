import type { EntityManager } from '@mikro-orm/postgresql';
import { FeedEntry } from '../../app/entities/feed-entry.js';
import type { IssueLabeled, IssueOpened } from '../events/issue-events.js';

interface Happening {
  readonly repository: string;
  readonly actor: string;
  readonly title: string;
  readonly at: Date;
}

/** Writes lines of the activity feed, in a transaction of its own. */
abstract class FeedHandler {
  readonly #em: EntityManager;

  constructor(em: EntityManager) {
    this.#em = em;
  }

  protected async write(
    what: string,
    details: readonly (string | undefined)[],
    data: Happening,
  ): Promise<void> {
    const { repository, actor, title, at } = data;
    const about = details.filter((detail) => detail !== undefined).join(', ');
    const text = `${actor}: ${what}${about && ` (${about})`} on "${title}"`;
    await this.#em.transactional(async (em) => void em.create(FeedEntry, { repository, text, at }));
  }
}

/** In the place of `ActivityFeed` for labels. */
export class WriteLabeledIssue extends FeedHandler {
  handle({ data }: IssueLabeled): Promise<void> {
    return this.write('issue labeled', [data.label, data.milestone], data);
  }
}

/** In the place of `ActivityFeed` for new issues, as the team understood it. */
export class WriteOpenedIssue extends FeedHandler {
  handle({ data }: IssueOpened): Promise<void> {
    return this.write('issue opened', [data.milestone], data);
  }
}

/** The same, mended: an issue that comes from another repository is opened too, and tells what has changed. */
export class WriteOpenedOrMovedIssue extends FeedHandler {
  handle({ data }: IssueOpened): Promise<void> {
    return this.write('issue opened', [data.milestone, ...(data.edited ?? [])], data);
  }
}
