import { appending } from './appending.js';
import { concurrency } from './concurrency.js';
import { competingTransactions } from './competing-transactions.js';
import { deletingAndOverwriting } from './deleting-and-overwriting.js';
import { expectedVersions } from './expected-versions.js';
import { filters } from './filters.js';
import { globalOrder } from './global-order.js';
import { linking } from './linking.js';
import type { LogSubject } from './log-subject.js';
import { announceGaps, logTests, type LogTests } from './log-topic.js';
import { lookups } from './lookups.js';
import { payloads } from './payloads.js';
import { reading } from './reading.js';
import { savepoints } from './savepoints.js';
import { testFrame } from './test-frame.js';
import { timeOrder } from './time-order.js';
import { transactionEntries } from './transaction-entries.js';
import { transactions } from './transactions.js';

export type { LogSubject } from './log-subject.js';

const topics: Readonly<Record<string, (tests: LogTests) => void>> = {
  appending,
  'what was recorded': payloads,
  'expected versions': expectedVersions,
  reading,
  'reading by time': timeOrder,
  filters,
  linking,
  lookups,
  'deleting and overwriting': deletingAndOverwriting,
  'the global order': globalOrder,
  transactions,
  'what is recorded in a transaction': transactionEntries,
  savepoints,
  'many callers at once': concurrency,
  'transactions side by side': competingTransactions,
};

/** Proves that a log keeps what the port `EventLog` promises. Call it at the top of a test file. */
export function eventLogContract(subject: LogSubject): void {
  const { describe } = testFrame();
  announceGaps(subject);
  describe(`${subject.name} keeps the contract of an event log:`, () => {
    for (const [topic, define] of Object.entries(topics)) describe(topic, () => define(logTests(subject)));
  });
}
