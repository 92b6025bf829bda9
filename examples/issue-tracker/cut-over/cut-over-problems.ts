import type { Condition } from 'handover/legacy';
import type { CutOverFacts } from './run-cut-over.js';
import type { PairFacts } from './pair-facts.js';

/** What the story of the pairs must show, as sentences where it does not. */
export function findCutOverProblems(facts: CutOverFacts): readonly string[] {
  const { first, mended, effects, performed } = facts;
  return [
    ...[first, mended]
      .flatMap(({ errors }) => errors)
      .map((error) => `A release reported an error: ${error}`),
    ...firstProblems(first.batches.at(-1) ?? []),
    ...(mended.batches.at(-1) ?? []).flatMap(endProblems),
    ...[first, mended].flatMap(({ batches }) => batches.flat()).flatMap(promotionProblems),
    ...performed
      .filter(({ listener, handler }) => listener === 0 || handler === 0)
      .map(
        ({ pair, listener }) =>
          `Of the pair ${pair} only the ${listener === 0 ? 'handler' : 'listener'} performed.`,
      ),
    ...effects
      .filter(({ doubled, missed }) => doubled + missed > 0)
      .map(({ effect, doubled, missed }) => `Of the ${effect} ${doubled} were doubled and ${missed} missed.`),
  ];
}

/** Refusing is right here: somebody has made a mistake, and the verdicts know. */
function firstProblems(pairs: readonly PairFacts[]): readonly string[] {
  const wrong = pairs.filter(({ verdicts }) => (verdicts.mismatch ?? 0) > 0);
  return wrong.length > 0 ? [] : ['No verdict on the first release is a mismatch.'];
}

function promotionProblems({
  pair,
  stage,
  next,
  verdicts,
  conditions,
  refusedBy,
}: PairFacts): readonly string[] {
  const closed = conditions.filter(({ holds }) => !holds);
  const others = Object.entries(verdicts).filter(([verdict]) => !['match', 'mismatch'].includes(verdict));
  const fault = conditions.find(({ name }) => name === 'saboteur');
  const isCompared = stage !== 'handler';
  return [
    ...others.map(
      ([verdict, count]) => `The pair ${pair} has ${count} verdicts in ${stage} that are ${verdict}.`,
    ),
    ...(isCompared && fault?.holds !== true
      ? [
          `A fault planted into the pair ${pair} in ${stage} was not caught: ${fault?.found ?? 'nothing is known'}.`,
        ]
      : []),
    ...(isCompared && closed.length > 0 && next !== stage
      ? [`The pair ${pair} went from ${stage} to ${next} though ${reasons(closed)}.`]
      : []),
    ...(isCompared && closed.length === 0 && refusedBy.length > 0
      ? [`The pair ${pair} did not get past ${stage} though its gate is open: ${reasons(refusedBy)}.`]
      : []),
  ];
}

function endProblems({ pair, stage, refusedBy }: PairFacts): readonly string[] {
  if (stage === 'handler') return [];
  return [`The pair ${pair} ended at ${stage}, not at handler: ${reasons(refusedBy)}.`];
}

function reasons(conditions: readonly Condition[]): string {
  return conditions.map(({ name, found }) => `${name}, ${found}`).join('; ');
}
