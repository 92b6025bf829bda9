import type { EventStore } from 'handover';
import type { EntityManager } from '@mikro-orm/postgresql';
import { CommentAdded, CommentDeleted, CommentEdited } from './events/comment-events.js';
import * as issues from './events/issue-events.js';

export interface IssueProgress {
  readonly issue: string;
  readonly title: string;
  readonly state: string;
  readonly opened: number;
  readonly closed: number;
  readonly reopened: number;
  readonly comments: number;
  /** How many events the row is made of, and the latest of them. */
  readonly changes: number;
  readonly latest: string;
}

export const issueProgressHandler = 'tracker.issue-progress';

/** What tells of an issue. Comments tell of other things too. */
export const issueChanges = [...Object.values(issues), CommentAdded, CommentEdited, CommentDeleted] as const;
type IssueChange = InstanceType<(typeof issueChanges)[number]>;

export const issueProgressTable = `
  create table issue_progress (
    issue text primary key,
    title text not null,
    state text not null,
    opened integer not null,
    closed integer not null,
    reopened integer not null,
    comments integer not null,
    changes integer not null,
    latest text not null
  )`;

const writeRow = `
  insert into issue_progress
  select * from jsonb_populate_record(null::issue_progress, ?::jsonb)
  on conflict (issue) do update
  set (title, state, opened, closed, reopened, comments, changes, latest) =
    row(excluded.title, excluded.state, excluded.opened, excluded.closed, excluded.reopened, excluded.comments,
      excluded.changes, excluded.latest)`;

/**
 * A read model of one row per issue, built behind the application's back.
 *
 * Its statements run in the transaction that marks the delivery as done: an event changes its row once, however often
 * a worker dies over it. The events of an issue come one after the other, so that nobody else writes the row meanwhile.
 */
export function projectIssueProgress(store: EventStore, em: EntityManager): () => void {
  const handler = async (event: IssueChange) => {
    const issue = issueOf(event);
    if (issue === undefined) return;
    const [row] = await em.execute<IssueProgress[]>('select * from issue_progress where issue = ?', [issue]);
    await em.execute(writeRow, [JSON.stringify(progressAfter(row, event, issue))]);
  };
  return store.subscribe(handler, {
    to: [...issueChanges],
    run: 'queued',
    name: issueProgressHandler,
    kind: 'projection',
    from: 'beginning',
    orderedBy: ({ stream, id }: IssueChange) => stream ?? id,
  });
}

export function listIssueProgress(em: EntityManager): Promise<IssueProgress[]> {
  return em.fork().execute<IssueProgress[]>('select * from issue_progress order by issue');
}

/** The id of the issue that an event tells of, if it tells of one. */
export function issueOf({ data }: IssueChange): string | undefined {
  if ('issueId' in data) return String(data.issueId);
  return data.on === 'Issue' ? data.subjectId : undefined;
}

/** The row of an issue after one more event. */
export function progressAfter(
  row: IssueProgress | undefined,
  event: IssueChange,
  issue: string,
): IssueProgress {
  const { opened = 0, closed = 0, reopened = 0, comments = 0, changes = 0, state = 'open' } = row ?? {};
  return {
    issue,
    title: event.data.title,
    state: states[event.type] ?? state,
    opened: opened + Number(event instanceof issues.IssueOpened),
    closed: closed + Number(event instanceof issues.IssueClosed),
    reopened: reopened + Number(event instanceof issues.IssueReopened),
    comments: comments + Number(event instanceof CommentAdded),
    changes: changes + 1,
    latest: `${event.data.at.toISOString().slice(0, 10)} ${event.type}`,
  };
}

const states: Readonly<Record<string, string>> = {
  [issues.IssueOpened.type]: 'open',
  [issues.IssueReopened.type]: 'open',
  [issues.IssueClosed.type]: 'closed',
  [issues.IssueDeleted.type]: 'deleted',
  [issues.IssueTransferred.type]: 'transferred',
};
