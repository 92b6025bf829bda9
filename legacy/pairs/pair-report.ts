import { setTimeout as pause } from 'node:timers/promises';
import type { EventStore } from '../../src/index.js';
import { weigh, type Evidence, type GateFacts } from './gate.js';
import type { Entry } from './ledger.js';
import { PairJudged, PairNotSampled, verdictsOf } from './pair-events.js';
import type { PairSettings } from './pair-options.js';
import type { Stage, Standing } from './stage.js';
import type { Verdict } from './verdict.js';

/** Verdicts of one kind, and the last of them. */
export interface Finding {
  readonly fingerprint: string;
  readonly verdict: Verdict['verdict'];
  readonly count: number;
  readonly example: Verdict;
}

export interface PairReport {
  readonly pair: string;
  readonly stage: Stage;
  readonly percent: number;
  readonly since: Date;
  readonly evidence: Evidence;
  /** What is no match, most frequent first. */
  readonly findings: readonly Finding[];
  readonly text: string;
  toString(): string;
}

export interface ReportSource {
  readonly store: EventStore;
  readonly settings: PairSettings;
  readonly standing: Standing;
  readonly entry: Entry | undefined;
}

/** Verdicts read for one report, newest first, so that a long stage is judged by its recent part. */
const mostVerdicts = 20_000;

const settlingTime = 2_000;

/** What is under way is counted, except where there is always something under way. */
export async function settledSoon(store: EventStore): Promise<void> {
  const over = new AbortController();
  const soon = pause(settlingTime, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    await Promise.race([store.settled(), soon]);
  } finally {
    over.abort();
  }
}

export async function gateFacts({ store, settings, entry }: ReportSource): Promise<GateFacts> {
  store.register(PairJudged, PairNotSampled);
  const since = entry?.since ?? new Date(0);
  const verdicts: Verdict[] = [];
  let notSampled = 0;
  let oldest: Date | undefined;
  const reader = store.read
    .stream(verdictsOf(settings.name))
    .ofType(PairJudged, PairNotSampled)
    .backward()
    .limit(mostVerdicts);
  await store.recording.apart(async () => {
    for await (const event of reader) {
      if ((event.timestamp ?? since) < since) break;
      oldest = event.timestamp;
      if (event instanceof PairJudged) verdicts.push(event.data);
      else notSampled += event.data.count;
    }
  });
  return {
    verdicts: verdicts.toReversed(),
    notSampled,
    since: entry?.since ?? oldest ?? new Date(),
    now: new Date(),
    rules: settings.rules.expected,
  };
}

export async function readReport(source: ReportSource): Promise<PairReport> {
  const facts = await gateFacts(source);
  const { settings, standing } = source;
  const report = {
    pair: settings.name,
    stage: standing.stage,
    percent: standing.percent,
    since: facts.since,
    evidence: weigh(facts, settings.gate),
    findings: findingsIn(facts.verdicts),
  };
  const text = describe(report);
  return { ...report, text, toString: () => text };
}

function findingsIn(verdicts: readonly Verdict[]): readonly Finding[] {
  const wrong = verdicts.filter((each) => each.verdict !== 'match' && !each.sabotaged);
  const groups = Map.groupBy(wrong, (each) => each.fingerprint ?? each.verdict);
  return Array.from(groups, ([fingerprint, group]) => {
    const example = group.at(-1) as Verdict;
    return { fingerprint, verdict: example.verdict, count: group.length, example };
  }).toSorted((a, b) => b.count - a.count);
}

function describe({
  pair,
  stage,
  percent,
  evidence,
  findings,
}: Omit<PairReport, 'text' | 'toString'>): string {
  const where = stage === 'live' ? `${stage} ${percent} %` : stage;
  const rate =
    evidence.matchRate === null ? 'nothing compared yet' : `${(evidence.matchRate * 100).toFixed(1)} % match`;
  const counts = Object.entries(evidence.verdicts)
    .map(([verdict, count]) => `${verdict} ${count}`)
    .join(', ');
  return [
    `${pair}  ${where}  ${rate}${counts === '' ? '' : `  (${counts})`}`,
    ...evidence.conditions.map(({ name, holds, found }) => `  ${holds ? '✓' : '✗'} ${name}: ${found}`),
    ...findings.flatMap((finding) => describeFinding(finding)),
  ].join('\n');
}

function describeFinding({ verdict, count, fingerprint, example }: Finding): readonly string[] {
  return [
    `  ${count} × ${verdict} (${fingerprint}), last with event ${example.eventId}`,
    ...example.differences.map(
      ({ path, ...sides }) =>
        `      ${path}: listener ${shown('listener', sides)}, handler ${shown('handler', sides)}`,
    ),
    ...example.escapes.map((escape) => `      escaped: ${escape}`),
    ...(['listener', 'handler'] as const).flatMap((side) => {
      const error = example[side]?.error;
      return error === undefined ? [] : [`      ${side}: ${error.name}: ${error.message}`];
    }),
  ];
}

function shown(side: 'listener' | 'handler', sides: object): string {
  return side in sides ? JSON.stringify(Reflect.get(sides, side)) : 'nothing';
}
