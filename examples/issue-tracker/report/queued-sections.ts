import type { BillingFacts, DeadLetterFacts } from '../billing-run.js';
import { issueProgressHandler } from '../migrated/issue-progress.js';
import type { ProgressFacts } from '../progress-check.js';
import { type Output, section } from './output.js';
import { table, wrap } from './table.js';

/** Characters of a line, so that all fits a terminal of 100. */
const width = 96;

export function printProgress(output: Output, progress: ProgressFacts): void {
  const { rows, handled, recorded, unlikeLog, unlikeCounts } = progress;
  section(output, 'A queued handler: the read model issue_progress, built asynchronously', [
    `${issueProgressHandler}  queued, in order within each issue  ${handled} of ${recorded} events`,
    '',
    ...table(
      rows.map(({ issue, state, opened, closed, reopened, comments, latest }) => {
        return [issue, state, opened, closed, reopened, comments, latest];
      }),
      ['issue_progress', 'state', 'opened', 'closed', 'reopened', 'comments', 'latest'],
    ),
    '',
    ...table([
      ['rows that differ from the event log', unlikeLog.length],
      ['rows that differ from issue_counts, kept in the transaction', unlikeCounts.length],
    ]),
  ]);
}

export function printBilling(output: Output, billing: BillingFacts): void {
  const { deliveryId, received, atOnce, recorded, paymentCalls, charges, rows } = billing;
  section(output, `One notification, ${received} times: marketplace_purchase ${deliveryId}`, [
    ...table([
      ['received', received, `${atOnce} at the same moment, ${received - atOnce} when all was done`],
      ['recorded as an event', recorded, 'its id is made of the delivery id'],
      ['acknowledged, being known already', received - recorded, 'publish() said DuplicateEvent'],
      ['calls of the payment service', paymentCalls, 'its first answer was lost, so the handler was retried'],
      ['charges', charges, 'the same context.idempotencyKey in each call'],
      [
        'rows in billing_rows',
        rows.length,
        rows
          .map(({ account, plan, cents }) => `${account}, ${plan}, $${(cents / 100).toFixed(2)}`)
          .join('; '),
      ],
    ]),
  ]);
}

export function printDeadLetter(output: Output, deadLetter: DeadLetterFacts): void {
  const { handler, why, retried, whyThen } = deadLetter;
  section(output, 'A dead letter: the mail server was down until the last attempt', [
    'await store.why(event.id)',
    ...indented(why),
    '',
    `The mail server is up again: await store.deadLetters.retry({ handler: '${handler}' })  // ${retried}`,
    ...indented(lineOf(whyThen, handler)),
  ]);
}

function indented(text: string): string[] {
  return text.split('\n').flatMap((line) => wrap(`  ${line}`, width));
}

function lineOf(why: string, handler: string): string {
  return why.split('\n').find((line) => line.includes(handler)) ?? '';
}
