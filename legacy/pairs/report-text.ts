import type { Difference } from './differences.js';
import type { NoiseReport } from './noise-report.js';
import type { Finding, PairReport } from './pair-report.js';
import { sideBySide } from './side-by-side.js';

/** The report for people. */
export function describeReport(report: Omit<PairReport, 'text' | 'toString'>): string {
  const { pair, stage, percent, evidence, noise, findings } = report;
  const where = stage === 'live' ? `${stage} ${percent} %` : stage;
  const rate =
    evidence.matchRate === null ? 'nothing compared yet' : `${(evidence.matchRate * 100).toFixed(1)} % match`;
  const counts = Object.entries(evidence.verdicts)
    .map(([verdict, count]) => `${verdict} ${count}`)
    .join(', ');
  return [
    `${pair}  ${where}  ${rate}${counts === '' ? '' : `  (${counts})`}`,
    ...evidence.conditions.map(({ name, holds, found }) => `  ${holds ? '✓' : '✗'} ${name}: ${found}`),
    ...describeNoise(noise),
    ...findings.flatMap((finding) => describeFinding(finding)),
  ].join('\n');
}

/** Something to say of noise: it was measured or is wanted, or a mask is of no use. */
export function saysNoise({ wanted, runs, unusedMasks }: NoiseReport): boolean {
  return wanted > 0 || runs > 0 || unusedMasks.length > 0;
}

function describeNoise(noise: NoiseReport): readonly string[] {
  if (!saysNoise(noise)) return [];
  const { wanted, runs, unusable, paths, unusedMasks } = noise;
  const vain = unusable === 0 ? '' : `; ${unusable} of them threw or escaped, and say nothing`;
  return [
    ...(wanted + runs === 0
      ? []
      : [`  noise: the listener ran ${runs} times of ${wanted} against itself${vain}`]),
    ...paths.map((each) => `      ${each.path} differed in ${each.runs}`),
    ...proposalOf(noise),
    ...unusedMasks.map((mask) => `  unused mask, which never matched anything: ${mask}`),
  ];
}

/** As a line of the pair's options. */
function proposalOf({ proposedMasks, declaredMasks }: NoiseReport): readonly string[] {
  if (proposedMasks.length === 0) return [];
  const masks = [...declaredMasks, ...proposedMasks].map(quoted).join(', ');
  return ['    To compare without that, declare the pair with', `      masks: [${masks}],`];
}

function describeFinding({ verdict, count, fingerprint, example, noisy }: Finding): readonly string[] {
  return [
    `  ${count} × ${verdict} (${fingerprint}), last with event ${example.eventId}`,
    ...example.differences.flatMap((each) => describeDifference(each, noisy.includes(each.path))),
    ...example.escapes.map((escape) => `      escaped: ${escape}`),
    ...(['listener', 'handler'] as const).flatMap((side) => {
      const error = example[side]?.error;
      return error === undefined ? [] : [`      ${side}: ${error.name}: ${error.message}`];
    }),
  ];
}

const longestLine = 160;

function describeDifference(difference: Difference, isNoise: boolean): readonly string[] {
  const { listener, handler } = sideBySide(difference);
  const line = `      ${difference.path}: listener ${listener}, handler ${handler}`;
  const lines =
    line.length <= longestLine
      ? [line]
      : [`      ${difference.path}:`, `        - listener ${listener}`, `        + handler  ${handler}`];
  return isNoise ? [...lines, '        (also differs when the listener runs against itself)'] : lines;
}

function quoted(path: string): string {
  return /['\\\n]/.test(path) ? JSON.stringify(path) : `'${path}'`;
}
