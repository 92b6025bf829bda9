import { types } from 'node:util';
import { describeValue, ErrorReports, InvalidArgument, ListenerFailed } from '../src/index.js';

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
  const reports = new ErrorReports();
  return {
    report: (error) => reports.report(error),
    onError(handle) {
      if (typeof handle !== 'function') throw new InvalidArgument('handler', 'a function', handle);
      return reports.listen((error) => handle(error as Error));
    },
    watch(result, eventName, listener) {
      if (!types.isPromise(result)) return;
      result.then(undefined, (cause: unknown) =>
        reports.report(new ListenerFailed(eventName, describeValue(listener), cause)),
      );
    },
  };
}
