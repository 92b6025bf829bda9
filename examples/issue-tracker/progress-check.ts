import type { EntityManager } from '@mikro-orm/postgresql';
import type { EventStore } from 'handover';
import { type IssueCounts, listIssueCounts } from './migrated/issue-counts.js';
import {
  type IssueProgress,
  issueChanges,
  issueOf,
  listIssueProgress,
  progressAfter,
} from './migrated/issue-progress.js';
import { until } from './until.js';

/** The read model that was built asynchronously, beside what it was built from. */
export interface ProgressFacts {
  readonly rows: readonly IssueProgress[];
  readonly handled: number;
  readonly recorded: number;
  /** Issues whose row is not what their events say, read from the log. */
  readonly unlikeLog: readonly string[];
  /** Issues whose row is not what the handler in the transaction has counted. */
  readonly unlikeCounts: readonly string[];
}

/** Waits until the projection has caught up with the log, and compares. */
export async function checkProgress(store: EventStore, em: EntityManager): Promise<ProgressFacts> {
  const expected = await progressByLog(store);
  const recorded = changesIn(expected);
  const rows = await until(
    () => listIssueProgress(em),
    (seen) => changesIn(seen) >= recorded,
  );
  const counts = await listIssueCounts(em);
  return {
    rows,
    recorded,
    handled: changesIn(rows),
    unlikeLog: differing(texts(rows, JSON.stringify), texts(expected, JSON.stringify)),
    unlikeCounts: differing(texts(rows.filter(isCounted), countsOf), texts(counts, countsOf)),
  };
}

async function progressByLog(store: EventStore): Promise<readonly IssueProgress[]> {
  const rows = new Map<string, IssueProgress>();
  for await (const event of store.read.ofType([...issueChanges])) {
    const issue = issueOf(event);
    if (issue !== undefined) rows.set(issue, progressAfter(rows.get(issue), event, issue));
  }
  return [...rows.values()];
}

function changesIn(rows: readonly IssueProgress[]): number {
  return rows.reduce((sum, { changes }) => sum + changes, 0);
}

/** The handler in the transaction hears of openings, closings and comments only. */
function isCounted({ opened, reopened, closed, comments }: IssueProgress): boolean {
  return opened + reopened + closed + comments > 0;
}

function countsOf({ opened, closed, comments, ...rest }: IssueCounts | IssueProgress): string {
  const reopened = 'reopened' in rest ? rest.reopened : 0;
  return `${opened + reopened} opened or reopened, ${closed} closed, ${comments} comments`;
}

function texts<Row extends { readonly issue: string }>(
  rows: readonly Row[],
  textOf: (row: Row) => string,
): ReadonlyMap<string, string> {
  return new Map(rows.map((row) => [row.issue, textOf(row)]));
}

function differing(some: ReadonlyMap<string, string>, others: ReadonlyMap<string, string>): string[] {
  const issues = new Set([...some.keys(), ...others.keys()]);
  return [...issues].filter((issue) => some.get(issue) !== others.get(issue)).toSorted();
}
