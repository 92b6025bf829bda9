import type { Facts } from './run-example.js';

/** Everything that must hold after both runs, as sentences where it does not. */
export function findProblems(facts: Facts): readonly string[] {
  const { webhooks, before, after, comparisons, store, handlers, otherDirection, errors } = facts;
  const committed = after.broadcasts - after.refusal.broadcasts;
  return [
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
      handlers.progressCounted === handlers.progressRecorded,
      `issue_progress counted ${handlers.progressCounted} of ${handlers.progressRecorded} events.`,
    ),
    ...failed(
      handlers.inboxHeard === handlers.inboxRecorded,
      `The review inbox heard ${handlers.inboxHeard} of ${handlers.inboxRecorded} events.`,
    ),
    ...failed(otherDirection.mails === 1, `${otherDirection.mails} old listeners heard the new code, not 1.`),
    ...errors.map(
      (error) => `An error was reported: ${error instanceof Error ? error.message : String(error)}`,
    ),
  ];
}

function failed(holds: boolean, problem: string): readonly string[] {
  return holds ? [] : [problem];
}
