import { AsyncLocalStorage } from 'node:async_hooks';
import { LogUnavailable, SchemaOutdated, UnknownCommitOutcome } from '../errors/log-errors.js';
import type { Append, AppendOutcome, EventLog, Stored } from './event-log.js';

const maxAppends = 256;
const maxBytes = 4 * 1_048_576;

/** Appends that must not overtake each other: behind one that could not reach the log none is written. */
export interface Series {
  broken?: unknown;
}

interface Waiting {
  readonly append: Append;
  readonly series: Series | undefined;
  readonly bytes: number;
  readonly resolve: (stored: Stored) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Writes appends that arrive together as one statement: while one batch is in flight the next one gathers.
 *
 * Each writer gets its own answer. Appends are written in the order in which they arrived.
 */
export class GroupCommit {
  readonly #log: Pick<EventLog, 'append'>;
  /** Batches belong to no single publisher: they run in the context in which the store was made (hazards H18). */
  readonly #detached = AsyncLocalStorage.snapshot();
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  constructor(log: Pick<EventLog, 'append'>) {
    this.#log = log;
  }

  /** @throws {WrongExpectedVersion} {DuplicateEvent} {LogUnavailable} {UnknownCommitOutcome} {SchemaOutdated} */
  append(append: Append, series?: Series): Promise<Stored> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ append, series, bytes: sizeOf(append), resolve, reject });
      this.#writing ??= this.#detached(() => this.#drain());
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #drain(): Promise<void> {
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) await this.#writeBatch(batch);
    this.#writing = undefined;
  }

  #take(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const each of this.#waiting) {
      bytes += each.bytes;
      if (count > 0 && (count === maxAppends || bytes > maxBytes)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #writeBatch(given: readonly Waiting[]): Promise<void> {
    const batch = given.filter((each) => !holdBack(each));
    if (batch.length === 0) return;
    try {
      const outcomes = await this.#log.append(batch.map((each) => each.append));
      batch.forEach((each, index) => answer(each, outcomes[index]));
    } catch (error) {
      if (batch.length > 1 && !concernsAll(error)) for (const each of batch) await this.#writeBatch([each]);
      else for (const each of batch) fail(each, error);
    }
  }
}

/** Anything else may be the fault of one append: the others get a statement of their own. */
function concernsAll(error: unknown): boolean {
  return (
    error instanceof LogUnavailable ||
    error instanceof UnknownCommitOutcome ||
    error instanceof SchemaOutdated
  );
}

function holdBack({ series, reject }: Waiting): boolean {
  if (series?.broken === undefined) return false;
  reject(new LogUnavailable(series.broken));
  return true;
}

function fail({ series, reject }: Waiting, error: unknown): void {
  const passing = error instanceof LogUnavailable || error instanceof UnknownCommitOutcome;
  if (series !== undefined && passing) series.broken ??= error;
  reject(error);
}

function answer(waiting: Waiting, outcome: AppendOutcome | undefined): void {
  if (outcome === undefined) waiting.reject(new Error('The log answered fewer appends than it was given.'));
  else if ('failure' in outcome) waiting.reject(outcome.failure);
  else waiting.resolve(outcome.stored);
}

function sizeOf(append: Append): number {
  return append.records.reduce((sum, record) => sum + record.data.length + record.metadata.length, 0);
}
