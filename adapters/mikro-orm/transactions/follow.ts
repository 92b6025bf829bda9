import type { AppendOutcome } from '../../../src/index.js';
import type { OpenTransaction, Participant } from './open-transaction.js';

/** Writes nothing; it hears how the transaction ends. */
const follower: Participant = {
  maxEventsPerTransaction: 0,
  write: (_, appends) => Promise.resolve(appends.map(() => written)),
  report: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
};

const written: AppendOutcome = { stored: { firstVersion: undefined, timestamp: new Date(0) } };

/** Tells how the transaction or savepoint ends in the end: with the outermost commit, or with a rollback. */
export function follow(
  open: OpenTransaction,
  ends: { committed(): void; rolledBack(): void },
): Promise<void> {
  const append = { stream: undefined, expected: undefined, records: [] };
  return open.scope(follower).write({ append, written: () => undefined, ...ends });
}
