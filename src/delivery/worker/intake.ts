/** Where a worker brings deliveries that are due: to its own handlers, or to a scheduler. */
export interface Intake {
  /** Resolves when it can take. @throws For settings that can never work. */
  ready(): Promise<void>;
  /** Brings due deliveries on their way. @returns How many. */
  take(): Promise<number>;
  /** After `take`: milliseconds until it can take more, unless it wakes the worker before; `undefined`: it will wake it. */
  dueIn(): Promise<number | undefined>;
  /** Whether nothing that was taken runs here, or waits to run. */
  isQuiet(): Promise<boolean>;
  /** Takes nothing more. */
  pause(): Promise<void>;
  /** Frees what it holds, after everything has ended. */
  close(): Promise<void>;
}
