import type { BillingFacts } from './billing-run.js';
import type { ProgressFacts } from './progress-check.js';
import type { Facts } from './run-example.js';

/** Everything that must hold after both runs, as sentences where it does not. */
export function findProblems(facts: Facts): readonly string[] {
  const { webhooks, before, after, comparisons, store, handlers, otherDirection, errors } = facts;
  const { progress, billing } = facts;
  const committed = after.broadcasts - after.refusal.broadcasts;
  return [
    ...errors.map(
      (error) => `An error was reported: ${error instanceof Error ? error.message : String(error)}`,
    ),
    ...[before, after]
      .filter(({ received }) => received !== webhooks.length)
      .map(({ received }) => `Of ${webhooks.length} payloads only ${received} were received.`),
    ...comparisons
      .filter(({ equal }) => !equal)
      .map(({ effect }) => `The listeners' effects differ between the runs: ${effect}.`),
    ...failed(after.refusal.reason !== undefined, 'The webhook of the blocked sender was not refused.'),
    ...failed(after.refusal.broadcasts > 0, 'Nothing was broadcast in the transaction that rolled back.'),
    ...failed(
      after.refusal.storedAfter === after.refusal.storedBefore,
      `The transaction that rolled back left ${after.refusal.storedAfter - after.refusal.storedBefore} events.`,
    ),
    ...failed(
      store.events === committed,
      `${committed} broadcasts were committed, ${store.events} recorded.`,
    ),
    ...failed(
      store.busiest.feed.every(({ version }, index) => version === index),
      `The versions of stream ${store.busiest.stream} have gaps.`,
    ),
    ...failed(
      handlers.counted === handlers.countable,
      `issue_counts counted ${handlers.counted} of ${handlers.countable} events.`,
    ),
    ...failed(
      handlers.inboxHeard === handlers.inboxRecorded,
      `The review inbox heard ${handlers.inboxHeard} of ${handlers.inboxRecorded} events.`,
    ),
    ...progressProblems(progress),
    ...billingProblems(billing),
    ...failed(otherDirection.mails === 1, `${otherDirection.mails} old listeners heard the new code, not 1.`),
  ];
}

function progressProblems({ handled, recorded, unlikeLog, unlikeCounts }: ProgressFacts): readonly string[] {
  if (handled !== recorded) return [`issue_progress has handled ${handled} of ${recorded} events.`];
  return [
    ...unlikeLog.map((issue) => `issue_progress is not what the event log says of issue ${issue}.`),
    ...unlikeCounts.map((issue) => `issue_progress is not what issue_counts says of issue ${issue}.`),
  ];
}

function billingProblems(billing: BillingFacts): readonly string[] {
  const { received, recorded, events, charges, rows, deadLetter } = billing;
  const ones = { 'answered as new': recorded, events, charges, 'billing rows': rows.length };
  const { found, retried, receipts } = deadLetter;
  const letters = { 'dead letters': found, 'dead letters retried': retried, receipts };
  return [...Object.entries(ones), ...Object.entries(letters)]
    .filter(([, count]) => count !== 1)
    .map(([what, count]) => `One notification arrived ${received} times and led to ${count} ${what}, not 1.`);
}

function failed(holds: boolean, problem: string): readonly string[] {
  return holds ? [] : [problem];
}
