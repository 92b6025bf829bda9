import type { Count } from '../connected-run.js';
import type { CutOverOutcome } from '../cut-over/run-cut-over.js';
import type { Outcome } from '../run-example.js';
import { printCutOver } from './cut-over-sections.js';
import { printFeed } from './feed-section.js';
import { type Output, section } from './output.js';
import { printBilling, printDeadLetter, printProgress } from './queued-sections.js';
import { cut, inColumns, table } from './table.js';

/** Characters that a line of a section may have, so that all fits a terminal of 100. */
const width = 96;

/** Everything that the runs have shown, for people. */
export function printOutcome(output: Output, outcome: Outcome, cutOver?: CutOverOutcome): void {
  printBroadcasts(output, outcome);
  printEvents(output, outcome);
  printFeed(output, outcome.store.busiest);
  printRollback(output, outcome);
  printHandlers(output, outcome);
  printProgress(output, outcome.progress);
  printBilling(output, outcome.billing);
  printDeadLetter(output, outcome.billing.deadLetter);
  printComparison(output, outcome);
  if (cutOver !== undefined) printCutOver(output, cutOver);
  printResult(output, outcome, cutOver);
}

function printBroadcasts(output: Output, { after, store }: Outcome): void {
  section(
    output,
    'Broadcasts',
    table([
      ['made by the application', after.broadcasts],
      ['of these in a transaction that rolled back', after.refusal.broadcasts],
      ['recorded as events', store.events],
    ]),
  );
}

function printEvents(output: Output, { store }: Outcome): void {
  section(output, `Events by type (${store.perType.length})`, inColumns(counted(store.perType), width));
  section(output, `Events by stream (${store.perStream.length})`, [
    ...inColumns(counted(store.perStream), width),
    `${store.streamless} in no stream: broadcasts recorded as they are, for which no event class exists yet`,
  ]);
}

function counted(counts: readonly Count[]): string[] {
  return table(counts.map(({ name, count }) => [count, name]));
}

function printRollback(output: Output, { after: { refusal } }: Outcome): void {
  section(output, 'A transaction that rolled back', [
    `The webhook "${refusal.webhook}" was refused at the end of its transaction: ${refusal.reason ?? 'it was not'}.`,
    ...table([
      ['broadcasts before the refusal', refusal.broadcasts],
      ['events in the store before', refusal.storedBefore],
      ['events in the store after', refusal.storedAfter],
      ['mails that had already left', refusal.mails],
    ]),
    'The mail is what the old bus does, with or without a store: its listeners run before the commit.',
  ]);
}

function printHandlers(output: Output, { handlers, otherDirection }: Outcome): void {
  section(output, 'Typed handlers added beside the old listeners', [
    ...table([
      ['issue counts', 'in the transaction', `${handlers.counted} of ${handlers.countable} events`],
      ['review inbox', 'after the commit', `${handlers.inboxHeard} of ${handlers.inboxRecorded} events`],
    ]),
    '',
    ...table(
      handlers.issueCounts.map(({ issue, opened, closed, comments }) => [issue, opened, closed, comments]),
      ['issue_counts', 'opened', 'closed', 'comments'],
    ),
    '',
    'The other direction: new code published DigestReady with store.publish(), and the old',
    `AuthorNotifier sent its mail ${otherDirection.mail ?? '… not at all'}`,
  ]);
}

function printComparison(output: Output, { comparisons }: Outcome): void {
  const differences = comparisons.filter(({ equal }) => !equal);
  section(output, 'Effects of the old listeners, before and after', [
    ...table(
      comparisons.map(({ effect, before, after, equal, fingerprint }) => {
        return [effect, before, after, equal ? 'equal' : 'DIFFERENT', fingerprint];
      }),
      ['effect', 'before', 'after', '', 'sha-256'],
    ),
    ...differences.flatMap(({ effect, difference }) => [
      '',
      `${effect}, first difference`,
      `  before  ${cut(difference?.before ?? '', 86)}`,
      `  after   ${cut(difference?.after ?? '', 86)}`,
    ]),
  ]);
}

function printResult(output: Output, outcome: Outcome, cutOver: CutOverOutcome | undefined): void {
  const { webhooks, comparisons, store, progress, billing } = outcome;
  const problems = [...outcome.problems, ...(cutOver?.problems ?? [])];
  if (problems.length > 0) {
    section(output, `Result: not as it should be (${problems.length})`, problems);
    return;
  }
  section(output, 'Result: all is as it should be', [
    `${webhooks.length} payloads twice through the same publishers and listeners: all ${comparisons.length} effects equal,`,
    `${store.events} events recorded that nobody had before, and none of what was rolled back;`,
    `${progress.handled} of them in a read model built asynchronously; a notification that came ${billing.received} times, billed once.`,
    ...cutOverResult(cutOver),
  ]);
}

function cutOverResult(cutOver: CutOverOutcome | undefined): readonly string[] {
  if (cutOver === undefined) return [];
  const { performed, effects } = cutOver;
  const count = effects.reduce((sum, { withPairs }) => sum + withPairs, 0);
  return [
    `${performed.length} listeners replaced by handlers, after one of these was refused until it was mended:`,
    `${count} effects in all stages, none of them doubled and none missed.`,
  ];
}
