import type { EventStore } from '../../src/index.js';
import type { Difference } from './differences.js';
import { Masks } from './masks.js';
import { proposeMasks } from './mask-proposals.js';
import { noiseOf, PairNoiseMeasured } from './pair-events.js';
import type { PairSettings } from './pair-options.js';
import type { Verdict } from './verdict.js';

/** In how many runs a path differed. */
export interface NoisyPath {
  readonly path: string;
  readonly runs: number;
}

/** What the listener does differently each time, by itself. */
export interface NoiseReport {
  readonly wanted: number;
  /** How often it was compared with itself. */
  readonly runs: number;
  /** Runs that threw, or did what is not noted: their differences count for nothing. */
  readonly unusable: number;
  /** What differed and is not masked, most frequent first. */
  readonly paths: readonly NoisyPath[];
  readonly declaredMasks: readonly string[];
  /** The narrowest masks for these paths. An effect or field that only one run has gets none. */
  readonly proposedMasks: readonly string[];
  /** Masks of the pair that never matched anything. */
  readonly unusedMasks: readonly string[];
}

const mostRuns = 10_000;

export async function readNoise(
  store: EventStore,
  settings: PairSettings,
  verdicts: readonly Verdict[],
): Promise<NoiseReport> {
  store.register(PairNoiseMeasured);
  const reader = store.read.stream(noiseOf(settings.name)).ofType(PairNoiseMeasured);
  const events = await store.recording.apart(() => reader.backward().limit(mostRuns).toArray());
  const runs = events.map(({ data }) => data);
  const usable = runs.filter(({ escapes, errors }) => escapes.length === 0 && errors.length === 0);
  const { masks } = settings.rules;
  const open = usable.map(({ differences }) => differences.filter((each) => !masks.hides(each)));
  return {
    wanted: settings.noise,
    runs: runs.length,
    unusable: runs.length - usable.length,
    paths: countPaths(open),
    declaredMasks: masks.paths,
    proposedMasks: proposeMasks(open.flat()),
    unusedMasks: unused(masks.paths, [...verdicts, ...runs]),
  };
}

/** Whether the listener differs there from itself, too. */
export function isNoisy({ paths, proposedMasks }: NoiseReport, { path }: Difference): boolean {
  return paths.some((noisy) => noisy.path === path) || new Masks(proposedMasks).hiding(path).length > 0;
}

function countPaths(runs: readonly (readonly Difference[])[]): readonly NoisyPath[] {
  const perRun = runs.flatMap((differences) => [...new Set(differences.map(({ path }) => path))]);
  return Array.from(
    Map.groupBy(perRun, (path) => path),
    ([path, found]) => ({ path, runs: found.length }),
  ).toSorted((a, b) => b.runs - a.runs);
}

function unused(
  masks: readonly string[],
  comparisons: readonly { readonly usedMasks?: readonly string[] }[],
): readonly string[] {
  if (comparisons.length === 0) return [];
  const used = new Set(comparisons.flatMap(({ usedMasks }) => usedMasks ?? []));
  return masks.filter((mask) => !used.has(mask));
}
