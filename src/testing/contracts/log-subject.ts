import type { EventLog } from '../../log/event-log.js';

/** A log, or rather a way to make one, that `eventLogContract` examines. */
export interface LogSubject {
  readonly name: string;
  /** A fresh, empty, migrated log; called once per test. The test closes it. A pool of ten connections suffices. */
  readonly open: () => Promise<EventLog>;
  /**
   * Another log on the same database, as a further process would open it. Omitted: the tests of concurrency share one.
   */
  readonly beside?: (log: EventLog) => Promise<EventLog>;
  /**
   * Runs `work` in a transaction of the subject's database that is open as the application would open it; rolls back
   * when it throws. Called within `work`, it opens a savepoint. Omitted: `log.transactions.run` is used.
   */
  readonly transaction?: <T>(log: EventLog, work: () => Promise<T>) => Promise<T>;
  /** What this subject cannot do, and why. The reason is printed with the skipped test. */
  readonly cannot?: {
    /** Two transactions open at the same time, and reads beside them. */
    readonly competingConnections?: string;
    readonly transactions?: string;
  };
}
