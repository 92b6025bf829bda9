import { defineEvent } from '../../src/index.js';
import type { Difference } from './differences.js';
import type { Evidence } from './gate.js';
import type { Observation } from './observation.js';
import type { Stage } from './stage.js';
import type { Verdict } from './verdict.js';

/** A move in the ledger of a pair: its stream is `handover/<pair>`. */
export class PairMoved extends defineEvent<{
  pair: string;
  from: Stage | null;
  to: Stage;
  percent: number;
  who: string;
  why: string;
  /** True when the gate had refused. */
  overridden: boolean;
  evidence: Evidence | null;
}>('handover.pair-moved') {}

/** What came of comparing both sides of one event. */
export class PairJudged extends defineEvent<Verdict>('handover.pair-judged') {}

/** How many events of a pair were not compared since the last one of these. */
export class PairNotSampled extends defineEvent<{ pair: string; count: number }>(
  'handover.pair-not-sampled',
) {}

/** How many broadcasts of the event could not be recorded since the last one of these. */
export class PairNotRecorded extends defineEvent<{ pair: string; count: number }>(
  'handover.pair-not-recorded',
) {}

/** What came of running the listener a second time with one event, and comparing it with itself. It is no verdict. */
export class PairNoiseMeasured extends defineEvent<{
  pair: string;
  eventId: string;
  /** Of a difference, `listener` is what the run did that performed, `handler` what the second one would have done. */
  differences: readonly Difference[];
  /** Of both runs. */
  escapes: readonly string[];
  errors: readonly NonNullable<Observation['error']>[];
  usedMasks: readonly string[];
}>('handover.pair-noise-measured') {}

/** What a listener did, for a handler that runs in another process. */
export class ListenerObserved extends defineEvent<{
  pair: string;
  eventId: string;
  observation: Observation;
}>('handover.listener-observed') {}

export function ledgerOf(pair: string): string {
  return `handover/${pair}`;
}

export function noiseOf(pair: string): string {
  return `handover/${pair}/noise`;
}

export function verdictsOf(pair: string): string {
  return `handover/${pair}/verdicts`;
}
