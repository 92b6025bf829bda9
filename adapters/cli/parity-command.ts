import { closest, distance } from 'fastest-levenshtein';
import type { PairReport } from '../../legacy/index.js';
import type { Application } from './application.js';
import { CommandFailed } from './command-failed.js';
import type { Output } from './output.js';

/**
 * `handover parity`: what came of comparing, for each pair or those named.
 *
 * @returns Whether every comparison since a pair came to its stage was a match.
 */
export async function showParity(
  { bus }: Application,
  names: readonly string[],
  output: Output,
): Promise<boolean> {
  const unknown = names.find((name) => bus.pairs.every((pair) => pair.name !== name));
  if (unknown !== undefined) throw noSuchPair(unknown, bus.pairs);
  const pairs = bus.pairs.filter(({ name }) => names.length === 0 || names.includes(name));
  const reports = await Promise.all(pairs.map((pair) => pair.report()));
  output.show(
    reports.map(({ text: _text, ...report }) => report),
    ['Pair', 'Stage', 'Compared', 'Match', 'In a row', 'Differs at most', 'Noise', 'Gate'],
    reports.map((report) => rowOf(report)),
  );
  for (const report of reports) if (hasMoreToSay(report)) output.say(`\n${report.text}`);
  return reports.every(({ findings }) => findings.length === 0);
}

export function noSuchPair(name: string, pairs: readonly { readonly name: string }[]): CommandFailed {
  const names = pairs.map((pair) => pair.name);
  if (names.length === 0) {
    return new CommandFailed(`There is no pair "${name}".`, 'Declare it with `bus.pair(…)`.');
  }
  const near = closest(name, names);
  const question = distance(name, near) <= Math.max(2, name.length / 3) ? `Did you mean ${near}? ` : '';
  return new CommandFailed(`There is no pair "${name}".`, `${question}Known: ${names.join(', ')}.`);
}

function hasMoreToSay({ findings, noise }: PairReport): boolean {
  return findings.length > 0 || noise.paths.length > 0 || noise.unusedMasks.length > 0;
}

function rowOf({ pair, stage, percent, evidence, noise }: PairReport): readonly string[] {
  const { verdicts, matchRate, streak, rateBound, conditions } = evidence;
  const closed = conditions.filter(({ holds }) => !holds).map(({ name }) => name);
  const compared = Object.entries(verdicts)
    .filter(([verdict]) => verdict !== 'not-sampled')
    .reduce((sum, [, count]) => sum + count, 0);
  return [
    pair,
    stage === 'live' ? `live ${percent} %` : stage,
    String(compared),
    matchRate === null ? '–' : `${(matchRate * 100).toFixed(1)} %`,
    String(streak),
    streak === 0 ? '–' : `${(rateBound * 100).toFixed(2)} %`,
    noise.runs + noise.wanted === 0 ? '–' : `${noise.paths.length} paths in ${noise.runs} runs`,
    closed.length === 0 ? 'open' : `closed: ${closed.join(', ')}`,
  ];
}
