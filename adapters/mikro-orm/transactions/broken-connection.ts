import type { SqlTransaction } from './sql-connection.js';

/** What the driver says, in its own never translated words, of a connection that takes no statement any more. */
const broken = /^(Connection terminated|Client .* is not queryable)/;
const socketErrors = new Set<unknown>(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT']);

/**
 * Gives the place of a broken connection back to the pool. Kysely keeps it when ROLLBACK fails, so that each transaction
 * open while the server goes down would cost the application a connection for good.
 *
 * @param error What ROLLBACK failed with.
 */
export async function giveBack(handle: SqlTransaction, error: unknown): Promise<void> {
  if (!isBroken(error)) return;
  if ('savepointName' in handle || handle.isCommitted || handle.isRolledBack) return;
  await handle.getExecutor().provideConnection(async (connection) => {
    connection.executeQuery = async () => ({ rows: [] });
  });
  await handle.rollback().execute();
}

/** Not true of a timeout: there the transaction may still be open. */
export function isBroken(error: unknown): boolean {
  const { message, code, severity } = (error ?? {}) as Readonly<Record<string, unknown>>;
  return (
    broken.test(String(message)) || socketErrors.has(code) || severity === 'FATAL' || severity === 'PANIC'
  );
}
