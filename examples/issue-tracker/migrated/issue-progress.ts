import type { EventStore } from 'handover';
import type { EntityManager } from '@mikro-orm/postgresql';
import { CommentAdded } from './events/comment-events.js';
import { IssueClosed, IssueOpened, IssueReopened } from './events/issue-events.js';

export interface IssueProgress {
  readonly issue: string;
  readonly opened: number;
  readonly closed: number;
  readonly comments: number;
}

export const issueProgressTable = `
  create table issue_progress (
    issue text primary key,
    opened integer not null default 0,
    closed integer not null default 0,
    comments integer not null default 0
  )`;

/** A read model of one row per issue, kept by a typed handler: its rows commit with the events, or neither does. */
export function keepIssueProgress(store: EventStore, em: EntityManager): () => void {
  const count = async (issue: string, column: 'opened' | 'closed' | 'comments') => {
    await em.execute(
      `insert into issue_progress (issue, ${column}) values (?, 1)
       on conflict (issue) do update set ${column} = issue_progress.${column} + 1`,
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
    name: 'issue progress',
  });
}
