import { evidenceOf, stageFacts, type EvidenceSource } from './evidence.js';
import type { Evidence } from './gate.js';
import { isNoisy, readNoise, type NoiseReport } from './noise-report.js';
import { describeReport } from './report-text.js';
import type { Stage } from './stage.js';
import type { Verdict } from './verdict.js';

/** Verdicts of one kind, and the last of them. */
export interface Finding {
  readonly fingerprint: string;
  readonly verdict: Verdict['verdict'];
  readonly count: number;
  readonly example: Verdict;
  /** Paths of the example's differences at which the listener differs from itself, too. */
  readonly noisy: readonly string[];
}

export interface PairReport {
  readonly pair: string;
  readonly stage: Stage;
  readonly percent: number;
  readonly since: Date;
  readonly evidence: Evidence;
  readonly noise: NoiseReport;
  /** What is no match, most frequent first. */
  readonly findings: readonly Finding[];
  readonly text: string;
  toString(): string;
}

export async function readReport(source: EvidenceSource): Promise<PairReport> {
  const { settings, standing, store } = source;
  const facts = await stageFacts(source);
  const noise = await readNoise(store, settings, facts.verdicts);
  const report = {
    pair: settings.name,
    stage: standing.stage,
    percent: standing.percent,
    since: facts.since,
    evidence: await evidenceOf(source, facts),
    noise,
    findings: findingsIn(facts.verdicts, noise),
  };
  const text = describeReport(report);
  return { ...report, text, toString: () => text };
}

function findingsIn(verdicts: readonly Verdict[], noise: NoiseReport): readonly Finding[] {
  const wrong = verdicts.filter((each) => each.verdict !== 'match' && !each.sabotaged);
  const groups = Map.groupBy(wrong, (each) => each.fingerprint ?? each.verdict);
  return Array.from(groups, ([fingerprint, group]) => {
    const example = group.at(-1) as Verdict;
    const noisy = example.differences.filter((each) => isNoisy(noise, each)).map(({ path }) => path);
    return { fingerprint, verdict: example.verdict, count: group.length, example, noisy };
  }).toSorted((a, b) => b.count - a.count);
}
