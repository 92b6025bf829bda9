/** Classes and codes with which a server leaves in the middle of a statement, instead of answering it. */
const departures = /^(08...|57P0[1-5]|40003)$/;

/**
 * True for an error of COMMIT that does not say whether the transaction was committed: the connection broke, or
 * nobody waited for the answer. A server that answers with an error has rolled back.
 */
export function isUnknownOutcome(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || severity === undefined) return true;
  return departures.test(code) || severity === 'FATAL' || severity === 'PANIC';
}
