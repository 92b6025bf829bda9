import type { Condition } from 'handover/legacy';
import type { CutOver, Performed } from '../cut-over/cut-over-check.js';
import type { FindingFacts, PairFacts } from '../cut-over/pair-facts.js';
import type { CutOverFacts } from '../cut-over/run-cut-over.js';
import { gate } from '../migrated/pairs/declare-pairs.js';
import { type Output, section } from './output.js';
import { cut, table, wrap } from './table.js';

/** Listeners that are replaced by handlers, from the first verdicts to the count of all effects. */
export function printCutOver(output: Output, facts: CutOverFacts): void {
  const { first, mended, performed, effects } = facts;
  const verdicts = first.batches.at(-1) ?? [];
  printVerdicts(output, facts, verdicts);
  for (const each of verdicts) if (each.refusedBy.length > 0) printRefused(output, each);
  printMoves(output, mended.batches);
  printEffects(output, performed, effects);
}

function printVerdicts(
  output: Output,
  { webhooks, rounds }: CutOverFacts,
  verdicts: readonly PairFacts[],
): void {
  section(
    output,
    'Pairs, release 1: listeners perform, their handlers are tried in the shadow and compared',
    [
      ...table(
        verdicts.map(({ pair, stage, verdicts: found, matchRate, conditions, next, refusedBy }) => [
          pair,
          stage,
          found.match ?? 0,
          found.mismatch ?? 0,
          othersIn(found),
          matchRate === null ? '–' : `${(matchRate * 100).toFixed(1)} %`,
          isFaultCaught(conditions) ? 'caught' : 'NOT CAUGHT',
          refusedBy.length > 0 ? 'refused' : `to ${next}`,
        ]),
        ['pair', 'stage', 'match', 'mismatch', 'other', 'rate', 'planted fault', 'promote()'],
      ),
      '',
      `The ${webhooks} payloads that a pair hears of, ${rounds} times. The gate here: ${gate.runs} matches in a row, ${gate.days} days;`,
      'by default it is 300 and a day, for which an example has no time.',
    ],
  );
}

function printRefused(output: Output, { pair, stage, findings, refusedBy }: PairFacts): void {
  const [finding] = findings;
  section(output, `What differs in ${pair}, and why it stays in ${stage}`, [
    ...(finding === undefined ? ['nothing'] : linesOf(finding)),
    '',
    'await pair.promote()  // PromotionRefused',
    ...table(refusedBy.map(({ name, found }) => [`  ✗ ${name}`, found])),
  ]);
}

function linesOf({ verdict, count, differences, event }: FindingFacts): readonly string[] {
  const from =
    event === undefined
      ? 'an event that is gone'
      : `${event.type}, version ${event.version ?? '–'} of ${event.stream ?? 'no stream'}`;
  return [
    `${count} times ${verdict}, last with ${from}`,
    ...(event === undefined ? [] : wrap(`  ${fieldsOf(event.data)}`, 96)),
    ...differences.flatMap(({ path, ...sides }) => [
      path,
      `  listener  ${'listener' in sides ? cut(shown(sides.listener), 84) : '(nothing)'}`,
      `  handler   ${'handler' in sides ? cut(shown(sides.handler), 84) : '(nothing)'}`,
    ]),
  ];
}

function printMoves(output: Output, batches: readonly (readonly PairFacts[])[]): void {
  const pairs = batches[0]?.map(({ pair }) => pair) ?? [];
  const compared = batches.flat().filter(({ stage }) => stage !== 'handler');
  const caught = compared.filter(({ conditions }) => isFaultCaught(conditions)).length;
  section(output, 'Pairs, release 2: the fix, in a new process', [
    'The code holds both: WriteOpenedOrMovedIssue takes the place of WriteOpenedIssue.',
    '',
    ...table(
      pairs.map((pair, index) => [pair, ...batches.map((batch) => placeOf(batch[index]))]),
      ['stage, and matches in a row', ...batches.map((_, index) => `batch ${index + 1}`)],
    ),
    '',
    `After each batch every pair asks for its next stage. ${compared.length} planted faults, ${caught} caught.`,
  ]);
}

function placeOf(facts: PairFacts | undefined): string {
  if (facts === undefined) return '';
  return facts.stage === 'handler' ? facts.stage : `${facts.stage}, ${facts.streak}`;
}

function printEffects(output: Output, performed: readonly Performed[], effects: readonly CutOver[]): void {
  section(
    output,
    'The cut-over, counted: all that both releases did, beside the old bus on the same payloads',
    [
      ...table(
        performed.map(({ pair, listener, handler }) => [pair, listener + handler, listener, handler]),
        ['pair', 'events', 'by the listener', 'by the handler'],
      ),
      '',
      ...table(
        effects.map(({ effect, old, withPairs, doubled, missed }) => [
          effect,
          old,
          withPairs,
          doubled,
          missed,
        ]),
        ['effect', 'old bus', 'with pairs', 'doubled', 'missed'],
      ),
      ...effects.flatMap(({ effect, example }) =>
        example === undefined ? [] : [`${effect}, such as ${cut(example, 80)}`],
      ),
    ],
  );
}

function othersIn(verdicts: PairFacts['verdicts']): number {
  return Object.entries(verdicts)
    .filter(([verdict]) => verdict !== 'match' && verdict !== 'mismatch')
    .reduce((sum, [, count]) => sum + count, 0);
}

function isFaultCaught(conditions: readonly Condition[]): boolean {
  return conditions.some(({ name, holds }) => name === 'saboteur' && holds);
}

function fieldsOf(data: unknown): string {
  const fields = typeof data === 'object' && data !== null ? Object.entries(data) : [];
  return fields.map(([name, value]) => `${name}: ${shown(value)}`).join(', ');
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
