import { setTimeout as pause } from 'node:timers/promises';
import type { EventStore } from '../../src/index.js';
import { weigh, type Evidence, type GateFacts } from './gate.js';
import type { Entry } from './ledger.js';
import { PairJudged, PairNotRecorded, PairNotSampled, verdictsOf } from './pair-events.js';
import type { PairSettings } from './pair-options.js';
import { mostRecorded, weighRecord } from './record-gate.js';
import type { Stage, Standing } from './stage.js';
import type { Verdict } from './verdict.js';

export interface EvidenceSource {
  readonly store: EventStore;
  readonly settings: PairSettings;
  readonly standing: Standing;
  readonly entry: Entry | undefined;
}

/** What is stored of a pair since it came to its stage. */
export interface StageFacts extends GateFacts {
  readonly notRecorded: number;
}

/** Between these and the next stage, evidence decides. */
const gated: readonly Stage[] = ['record', 'shadow', 'live'];

/** Verdicts read at once, newest first, so that a long stage is judged by its recent part. */
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

export async function stageFacts({ store, settings, entry }: EvidenceSource): Promise<StageFacts> {
  store.register(PairJudged, PairNotSampled, PairNotRecorded);
  const since = entry?.since ?? new Date(0);
  const verdicts: Verdict[] = [];
  let [notSampled, notRecorded] = [0, 0];
  let oldest: Date | undefined;
  const reader = store.read
    .stream(verdictsOf(settings.name))
    .ofType(PairJudged, PairNotSampled, PairNotRecorded)
    .backward()
    .limit(mostVerdicts);
  await store.recording.apart(async () => {
    for await (const event of reader) {
      if ((event.timestamp ?? since) < since) break;
      oldest = event.timestamp;
      if (event instanceof PairJudged) verdicts.push(event.data);
      else if (event instanceof PairNotSampled) notSampled += event.data.count;
      else notRecorded += event.data.count;
    }
  });
  return {
    verdicts: verdicts.toReversed(),
    notSampled,
    notRecorded,
    since: entry?.since ?? oldest ?? new Date(),
    now: new Date(),
    rules: settings.rules.expected,
  };
}

/** What the gate of the stage says; without conditions where nothing but somebody's word is wanted. */
export async function evidenceOf(source: EvidenceSource, facts: StageFacts): Promise<Evidence> {
  const { settings, standing } = source;
  if (standing.stage === 'record') {
    return weighRecord({ recorded: await recordedIn(source), notRecorded: facts.notRecorded });
  }
  const evidence = weigh(facts, settings.gate);
  return gated.includes(standing.stage) ? evidence : { ...evidence, conditions: [] };
}

function recordedIn({ store, settings, entry }: EvidenceSource): Promise<number> {
  const events = store.read.ofType(settings.event).backward().limit(mostRecorded);
  const reader = entry === undefined ? events : events.newerThanOrEqual(entry.since);
  return store.recording.apart(() => reader.count());
}

/** @returns `undefined` where none is wanted. */
export async function gateEvidence(source: EvidenceSource): Promise<Evidence | undefined> {
  if (!gated.includes(source.standing.stage)) return undefined;
  await settledSoon(source.store);
  return evidenceOf(source, await stageFacts(source));
}
