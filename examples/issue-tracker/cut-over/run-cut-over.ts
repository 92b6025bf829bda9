import { extname } from 'node:path';
import { EventStore } from 'handover';
import { FeedEntry } from '../app/entities/feed-entry.js';
import type { Databases, Place } from '../databases.js';
import { ReviewWanted } from '../migrated/events/review-wanted.js';
import { createTables, openLog, withOrm } from '../orm.js';
import type { Queue } from '../scheduling.js';
import { type CutOver, type Performed, checkCutOver, readPerformed } from './cut-over-check.js';
import { findCutOverProblems } from './cut-over-problems.js';
import { batchesOf, pairedWebhooks, rounds } from './paired-webhooks.js';
import { runReference } from './reference-run.js';
import type { ReleaseFacts } from './release.js';
import { startRelease } from './start-release.js';

export interface CutOverOptions {
  readonly databases: Pick<Databases, 'before' | 'pairs'>;
  readonly queue?: Queue | undefined;
  /** Programs of the two releases. */
  readonly releases?: readonly [first: URL, mended: URL] | undefined;
  /** Options of Node for them; default: those of this process. */
  readonly execArgv?: readonly string[] | undefined;
  /** Called after each webhook that a release has received. */
  readonly onReceived?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CutOverFacts {
  /** Payloads that a pair hears of, of all. */
  readonly webhooks: number;
  readonly rounds: number;
  readonly first: ReleaseFacts;
  readonly mended: ReleaseFacts;
  readonly performed: readonly Performed[];
  readonly effects: readonly CutOver[];
  readonly seconds: number;
}

export interface CutOverOutcome extends CutOverFacts {
  readonly problems: readonly string[];
}

/** Batches of each release: the second one needs one for each stage. */
const [firstBatches, mendedBatches] = [1, 4];

export const webhooksToReceive = batchesOf(firstBatches + mendedBatches).flat().length;

/** Replaces listeners by handlers, with a release that carries a bug and one that mends it; then counts the effects. */
export async function runCutOver(options: CutOverOptions): Promise<CutOverOutcome> {
  const {
    databases,
    queue,
    execArgv,
    signal,
    releases = ownReleases(),
    onReceived = () => undefined,
  } = options;
  const started = performance.now();
  const release = (program: URL, batches: number) =>
    startRelease({ program, execArgv, signal, onReceived }, { place: databases.pairs, queue, batches });
  await prepare(databases.pairs);
  const [old, [first, mended]] = await Promise.all([
    runReference(databases.before, batchesOf(firstBatches + mendedBatches).flat()),
    release(releases[0], firstBatches).then(
      async (seen) => [seen, await release(releases[1], mendedBatches)] as const,
    ),
  ]);
  const facts: CutOverFacts = {
    webhooks: pairedWebhooks().length,
    rounds,
    first,
    mended,
    ...(await readEffects(databases.pairs, [first, mended], old)),
    seconds: (performance.now() - started) / 1000,
  };
  return { ...facts, problems: findCutOverProblems(facts) };
}

/** Beside this file, built or not. */
function ownReleases(): readonly [URL, URL] {
  const extension = extname(new URL(import.meta.url).pathname);
  const beside = (name: string) => new URL(`./${name}${extension}`, import.meta.url);
  return [beside('first-release'), beside('mended-release')];
}

async function prepare(place: Place): Promise<void> {
  await withOrm(place, async (orm) => {
    await createTables(orm);
    await using store = new EventStore({ log: openLog(orm, place) });
    await store.migrate();
  });
}

async function readEffects(
  place: Place,
  releases: readonly ReleaseFacts[],
  old: Awaited<ReturnType<typeof runReference>>,
): Promise<Pick<CutOverFacts, 'performed' | 'effects'>> {
  return withOrm(place, async (orm) => {
    await using store = new EventStore({ log: openLog(orm, place) });
    const lines = await orm.em.fork().find(FeedEntry, {});
    const pairs = releases[0]?.batches[0]?.map(({ pair }) => pair) ?? [];
    return {
      performed: await readPerformed(store, pairs),
      effects: checkCutOver(old, {
        'mails to authors': releases.flatMap(({ mails }) => [...mails.listeners, ...mails.handlers]),
        'activity feed lines': lines.map(({ repository, text, at }) => ({ repository, text, at })),
        'reviews asked for': await store.read.ofType(ReviewWanted).map(({ data }) => data),
      }),
    };
  });
}
