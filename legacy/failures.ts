import { types } from 'node:util';
import { describeValue, InvalidArgument, ListenerFailed } from './errors.js';

export type ErrorHandler = (error: Error) => void;

/** Where errors go that cannot be thrown at the publisher, because `broadcast()` has returned. */
export interface Failures {
  /** @returns Takes the handler away again. */
  onError(handler: ErrorHandler): () => void;
  report(error: Error): void;
  /** Reports the rejection of a listener's promise. Other results, also thenables that run when awaited, are left alone. */
  watch(result: object, eventName: string, listener: object): void;
}

export function createFailures(): Failures {
  let handlers: readonly { readonly handle: ErrorHandler }[] = [];

  function report(error: Error): void {
    if (handlers.length === 0) warn(error);
    for (const { handle } of handlers) {
      try {
        handle(error);
      } catch (failure) {
        warn(failure);
      }
    }
  }

  return {
    report,
    onError(handle) {
      if (typeof handle !== 'function') throw new InvalidArgument('handler', 'a function', handle);
      const entry = { handle };
      handlers = [...handlers, entry];
      return () => {
        handlers = handlers.filter((each) => each !== entry);
      };
    },
    watch(result, eventName, listener) {
      if (!types.isPromise(result)) return;
      result.then(undefined, (cause: unknown) =>
        report(new ListenerFailed(eventName, describeValue(listener), cause)),
      );
    },
  };
}

/** Node refuses errors of another realm, such as those of code under test in a Jest environment: they go as text. */
function warn(failure: unknown): void {
  const error = failure instanceof Error ? failure : new Error(String(failure));
  try {
    process.emitWarning(error);
  } catch {
    process.emitWarning(error.message, { type: error.name, detail: error.stack ?? '' });
  }
}
