import type { EntityManager } from '@mikro-orm/postgresql';
import type { Event, EventStore } from 'handover';
import type { Listeners } from './app/listeners/listeners.js';
import { type IssueCounts, listIssueCounts } from './migrated/issue-counts.js';
import { publishDigest } from './migrated/publish-digest.js';
import { type ReviewInbox, reviewEvents } from './migrated/review-inbox.js';

/** What stands in the store after the connected run. */
export interface StoreFacts {
  readonly events: number;
  readonly perType: readonly Count[];
  readonly perStream: readonly Count[];
  /** Events in no stream. */
  readonly streamless: number;
  readonly busiest: BusiestIssue;
}

export interface Count {
  readonly name: string;
  readonly count: number;
}

export interface BusiestIssue {
  readonly stream: string;
  readonly title: string;
  readonly feed: readonly FeedLine[];
}

export interface FeedLine {
  readonly version: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What the typed handlers beside the old listeners have done, and what the events say they should have. */
export interface HandlerFacts {
  readonly issueCounts: readonly IssueCounts[];
  readonly counted: number;
  readonly countable: number;
  readonly inboxHeard: number;
  readonly inboxRecorded: number;
  readonly waiting: readonly string[];
}

/** New code published an event: who of the old listeners heard it. */
export interface OtherDirection {
  readonly mail: string | undefined;
  readonly mails: number;
}

export async function readStore(store: EventStore): Promise<StoreFacts> {
  const [types, streams] = [new Map<string, number>(), new Map<string, number>()];
  let [events, streamless] = [0, 0];
  for await (const { type, stream } of store.read) {
    events += 1;
    types.set(type, (types.get(type) ?? 0) + 1);
    if (stream === undefined) streamless += 1;
    else streams.set(stream, (streams.get(stream) ?? 0) + 1);
  }
  const perStream = mostFirst(streams);
  const busiest = perStream.find(({ name }) => name.startsWith('Issue-'))?.name ?? 'Issue-none';
  return {
    events,
    perType: mostFirst(types),
    perStream,
    streamless,
    busiest: await readFeed(store, busiest),
  };
}

async function readFeed(store: EventStore, stream: string): Promise<BusiestIssue> {
  const feed = await store.read.stream(stream).map(feedLine);
  const titles = feed.map(({ data }) => data['title']).filter((title) => typeof title === 'string');
  return { stream, title: titles.at(-1) ?? '', feed };
}

function feedLine({ version = -1, type, data }: Event): FeedLine {
  return { version, type, data: data as Readonly<Record<string, unknown>> };
}

export async function readHandlers(
  store: EventStore,
  em: EntityManager,
  inbox: ReviewInbox,
): Promise<HandlerFacts> {
  const issueCounts = await listIssueCounts(em);
  const counted = issueCounts.reduce((sum, row) => sum + row.opened + row.closed + row.comments, 0);
  const countedTypes = ['IssueOpened', 'IssueReopened', 'IssueClosed'];
  const onIssues = await store.read
    .ofType('CommentAdded')
    .reduce((sum, { data }) => sum + isOnIssue(data), 0);
  return {
    issueCounts,
    counted,
    countable: (await store.read.ofType(countedTypes).count()) + onIssues,
    inboxHeard: inbox.heard,
    inboxRecorded: await store.read.ofType([...reviewEvents]).count(),
    waiting: inbox.waiting,
  };
}

function isOnIssue(data: unknown): number {
  return typeof data === 'object' && data !== null && 'on' in data && data.on === 'Issue' ? 1 : 0;
}

/** Publishes from new code, and looks into the mailbox of the old listener. */
export async function tryOtherDirection(store: EventStore, { notifier }: Listeners): Promise<OtherDirection> {
  const { length } = notifier.mailbox;
  await publishDigest(store, 'octocat', 1);
  const mails = notifier.mailbox.slice(length);
  const [first] = mails;
  return { mails: mails.length, mail: first === undefined ? undefined : `to ${first.to}: ${first.subject}` };
}

function mostFirst(counts: ReadonlyMap<string, number>): readonly Count[] {
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .toSorted((one, other) => other.count - one.count || (one.name < other.name ? -1 : 1));
}
