import assert from 'node:assert/strict';
import type { EventLog, Append } from '../../log/event-log.js';
import type { Transaction, TransactionEntry } from '../../log/transactions.js';

/** An entry that writes into `journal` what it is told, as `<name> written at 0`, `<name> committed` … */
export function toldEntry(name: string, append: Append, journal: string[]): TransactionEntry {
  return {
    append,
    written: ({ firstVersion }) => void journal.push(`${name} written at ${firstVersion}`),
    committed: () => void journal.push(`${name} committed`),
    rolledBack: () => void journal.push(`${name} rolled back`),
  };
}

/** The transaction that is open here. */
export function currentOf(log: EventLog): Transaction {
  const current = log.transactions?.current();
  assert.ok(current, 'the log finds the open transaction');
  return current;
}
