import type { EventStore } from 'handover';
import type { EntityManager } from '@mikro-orm/postgresql';
import { CommentAdded } from './events/comment-events.js';
import { IssueClosed, IssueOpened, IssueReopened } from './events/issue-events.js';

export interface IssueCounts {
  readonly issue: string;
  readonly opened: number;
  readonly closed: number;
  readonly comments: number;
}

export const issueCountsTable = `
  create table issue_counts (
    issue text primary key,
    opened integer not null default 0,
    closed integer not null default 0,
    comments integer not null default 0
  )`;

/** Counts per issue, kept by a typed handler in the transaction: rows commit with the events, or neither does. */
export function keepIssueCounts(store: EventStore, em: EntityManager): () => void {
  const count = async (issue: string, column: 'opened' | 'closed' | 'comments') => {
    await em.execute(
      `insert into issue_counts (issue, ${column}) values (?, 1)
       on conflict (issue) do update set ${column} = issue_counts.${column} + 1`,
      [issue],
    );
  };
  const handler = async (event: IssueOpened | IssueReopened | IssueClosed | CommentAdded) => {
    if (event instanceof CommentAdded) {
      if (event.data.on === 'Issue') await count(event.data.subjectId, 'comments');
    } else {
      await count(String(event.data.issueId), event instanceof IssueClosed ? 'closed' : 'opened');
    }
  };
  return store.subscribe(handler, {
    to: [IssueOpened, IssueReopened, IssueClosed, CommentAdded],
    run: 'in-transaction',
    name: 'issue counts',
  });
}

export function listIssueCounts(em: EntityManager): Promise<IssueCounts[]> {
  return em
    .fork()
    .execute<IssueCounts[]>('select issue, opened, closed, comments from issue_counts order by issue');
}
