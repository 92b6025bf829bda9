import { EventEmitter } from 'eventemitter3';

/** Takes failures that no caller can be told. Nobody listening: they become process warnings, never silence. */
export class ErrorReports {
  readonly #listeners = new EventEmitter<{ failure: [error: unknown] }>();

  listen(listener: (error: unknown) => void): () => void {
    this.#listeners.on('failure', listener);
    return () => void this.#listeners.off('failure', listener);
  }

  report(error: unknown): void {
    try {
      if (!this.#listeners.emit('failure', error)) warn(error);
    } catch (thrown) {
      warn(error);
      warn(thrown);
    }
  }
}

function warn(error: unknown): void {
  process.emitWarning(
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    'HandoverWarning',
  );
}
