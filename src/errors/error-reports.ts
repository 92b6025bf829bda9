import { EventEmitter } from 'eventemitter3';
import { describeValue } from './argument-errors.js';

type ErrorListener = (error: unknown) => unknown;

/** Takes failures that no caller can be told. Nobody listening: they become process warnings, never silence. */
export class ErrorReports {
  readonly #listeners = new EventEmitter<{ failure: [error: unknown] }>();

  /** @returns What ends the listening. */
  listen(listener: ErrorListener): () => void {
    const own = (error: unknown): unknown => listener(error);
    this.#listeners.on('failure', own);
    return () => void this.#listeners.off('failure', own);
  }

  report(error: unknown): void {
    const listeners = this.#listeners.listeners('failure');
    if (listeners.length === 0) warn(error);
    for (const listener of listeners) void tell(listener, error);
  }
}

/** A listener that fails itself must neither silence the others nor the failure. */
async function tell(listener: ErrorListener, error: unknown): Promise<void> {
  try {
    await listener(error);
  } catch (thrown) {
    warn(error);
    warn(thrown);
  }
}

/** Node refuses errors of another realm, such as those of code under test in a Jest environment: they go as text. */
function warn(failure: unknown): void {
  const error = failure instanceof Error ? failure : new Error(describeValue(failure));
  try {
    process.emitWarning(error);
  } catch {
    process.emitWarning(error.message, { type: error.name, detail: error.stack ?? '' });
  }
}
