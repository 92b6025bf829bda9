import { SchedulerUnreachable } from './scheduler-unreachable.js';

/** @throws {SchedulerUnreachable} `work` has not ended in time; it goes on, and how it ends is of no interest any more. */
export async function inTime<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new SchedulerUnreachable(new Error(`No answer within ${milliseconds} ms.`))),
    milliseconds,
  );
  // A long deadline keeps no process alive; a worker that stops sees to it that its process waits for it.
  timer.unref();
  late.promise.catch(() => {});
  work.catch(() => {});
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
