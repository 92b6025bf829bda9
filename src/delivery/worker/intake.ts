/** What came of looking for due deliveries. */
export interface Intaken {
  readonly found: number;
  /** True when there may be more than there were free places for. */
  readonly more: boolean;
  /** Handlers that could take more now. */
  readonly hungry: readonly string[];
}

/** Where a worker brings deliveries that are due: to its own handlers, or to a scheduler. */
export interface Intake {
  take(): Promise<Intaken>;
  /** How many deliveries run in this process. */
  readonly running: number;
  /** Takes nothing more. */
  pause(): Promise<void>;
  /** Frees what it holds, after everything has ended. */
  close(): Promise<void>;
}
