import assert from 'node:assert/strict';
import type { EventLog } from '../../log/event-log.js';
import type { LogSubject } from './log-subject.js';
import { testFrame } from './test-frame.js';

export type InTransaction = <T>(work: () => Promise<T>) => Promise<T>;

export interface OpenSubject {
  readonly log: EventLog;
  /** On the same database as `log`; the same object where the subject has no further one. */
  readonly beside: EventLog;
  readonly inTransaction: InTransaction;
}

export type LogTest = (title: string, work: (subject: OpenSubject) => Promise<void>) => void;

/** The tests of one topic, in the flavours that a subject may be unable to run. */
export interface LogTests {
  readonly test: LogTest;
  readonly transactionTest: LogTest;
  /** Has several transactions open at the same time. */
  readonly competingTest: LogTest;
}

const longest = 60_000;

export function logTests(subject: LogSubject): LogTests {
  const { cannot = {} } = subject;
  const competing = cannot.competingConnections ?? cannot.transactions;
  return {
    test: logTest(subject, undefined),
    transactionTest: logTest(subject, cannot.transactions),
    competingTest: logTest(subject, competing),
  };
}

export function announceGaps({ name, cannot = {} }: LogSubject): void {
  for (const [what, reason] of Object.entries(cannot)) {
    process.stderr.write(`${name}: contract tests that need ${what} are not run: ${reason}\n`);
  }
}

function logTest(subject: LogSubject, gap: string | undefined): LogTest {
  const { it } = testFrame();
  return (title, work) => {
    if (gap === undefined) it(title, () => runOnFreshLog(subject, work), longest);
    else it.skip(`${title} (not run: ${gap})`, () => {});
  };
}

async function runOnFreshLog(subject: LogSubject, work: Parameters<LogTest>[1]): Promise<void> {
  const log = await subject.open();
  const beside = subject.beside === undefined ? log : await subject.beside(log);
  try {
    await work({ log, beside, inTransaction: (inside) => transact(subject, log, inside) });
  } finally {
    await beside.close();
    await log.close();
  }
}

async function transact<T>(subject: LogSubject, log: EventLog, work: () => Promise<T>): Promise<T> {
  if (subject.transaction !== undefined) return subject.transaction(log, work);
  assert.ok(log.transactions, `${subject.name} has no transactions; say why in \`cannot.transactions\``);
  return log.transactions.run(() => work());
}
