import assert from 'node:assert/strict';

/** Thrown by the work of a transaction that is to roll back. */
export const regret = new Error('changed my mind');

/** For `assert.rejects`, which does not know the errors of a test runner's sandbox as errors. */
export function isRegret(error: unknown): true {
  assert.equal(error, regret);
  return true;
}
