import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import {
  BacklogFull,
  checkKnownOptions,
  DuplicateEvent,
  InvalidArgument,
  LogUnavailable,
  RecordingFailed,
  UnknownCommitOutcome,
  type BackgroundSource,
  type Publication,
  type Recording,
  type Series,
} from '../src/index.js';

export interface BacklogOptions {
  /** How many broadcasts may wait to be recorded and announced; default 10 000. */
  readonly limit: number;
  /** Milliseconds for which an unreachable log is tried again before a recording fails; default 5 minutes. */
  readonly retryFor: number;
}

const optionNames = ['limit', 'retryFor'] as const;

export const defaultBacklog: BacklogOptions = { limit: 10_000, retryFor: 300_000 };

const blockSize = 64;
const firstPause = 50;
const longestPause = 5_000;

interface Waiting {
  readonly eventName: string;
  readonly publication: Promise<Publication>;
}

/**
 * Records broadcasts that no transaction took, in the background and in their order.
 *
 * An unreachable log is tried again; the ids of the events make that safe, since an event that had been stored
 * after all answers `DuplicateEvent`.
 */
export class Backlog implements BackgroundSource {
  readonly #recording: Recording;
  readonly #options: BacklogOptions;
  readonly #report: (error: Error) => void;
  readonly #closing = new AbortController();
  #waiting: Waiting[] = [];
  #held = 0;
  #draining: Promise<void> | undefined;
  #announcing: Promise<void> = Promise.resolve();
  /** Set within handlers that this backlog runs: they cannot wait for themselves. */
  readonly #handling = new AsyncLocalStorage<boolean>();

  constructor(recording: Recording, options: BacklogOptions, report: (error: Error) => void) {
    checkKnownOptions(options, optionNames);
    for (const name of optionNames) {
      if (!Number.isSafeInteger(options[name]) || options[name] < 1) {
        throw new InvalidArgument(`backlog.${name}`, 'a whole number from 1', options[name]);
      }
    }
    this.#recording = recording;
    this.#options = options;
    this.#report = report;
  }

  /** @throws {BacklogFull} */
  push(eventName: string, publication: Publication | Promise<Publication>): void {
    if (this.#held >= this.#options.limit) throw new BacklogFull(this.#options.limit);
    const waiting = { eventName, publication: Promise.resolve(publication) };
    // A validator may refuse it long before its turn comes, which is no unhandled rejection.
    waiting.publication.catch(() => undefined);
    this.#held += 1;
    this.#waiting.push(waiting);
    this.#draining ??= this.#drain();
  }

  /** Also waits for handlers, and for what they broadcast; called by one of them, for recordings alone. */
  async settled(): Promise<void> {
    let announcing: Promise<void> | undefined;
    while (this.#draining !== undefined || announcing !== this.#announcing) {
      await this.#draining;
      if (this.#handling.getStore() === true) return;
      announcing = this.#announcing;
      await announcing;
    }
  }

  /** Records what waits; an unreachable log is tried once more, no longer. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.settled();
  }

  async #drain(): Promise<void> {
    // The publisher's own synchronous code goes first: broadcasts that follow each other share a statement.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#recordBlock(this.#waiting.splice(0, blockSize));
    this.#draining = undefined;
  }

  async #recordBlock(block: readonly Waiting[]): Promise<void> {
    let rest = block;
    const deadline = Date.now() + this.#options.retryFor;
    for (let wait = firstPause; ; wait = Math.min(wait * 2, longestPause)) {
      const last = this.#closing.signal.aborted || Date.now() > deadline;
      rest = await this.#attempt(rest, last);
      if (rest.length === 0) return;
      await pause(Math.random() * wait, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  /** @returns What could not be recorded yet, in order. */
  async #attempt(block: readonly Waiting[], last: boolean): Promise<readonly Waiting[]> {
    let rest = block;
    while (rest.length > 0) {
      const together = await this.#leading(rest);
      const again = await this.#write(together, last);
      rest = [...again, ...rest.slice(together.length)];
      if (again.length > 0) return rest;
    }
    return rest;
  }

  /** Those at the front that may share a statement. One that needs a transaction of its own goes alone, in its place. */
  async #leading(block: readonly Waiting[]): Promise<readonly Waiting[]> {
    const alone = await Promise.all(block.map((each) => this.#goesAlone(each)));
    const first = alone.indexOf(true);
    return first === -1 ? block : block.slice(0, Math.max(first, 1));
  }

  async #goesAlone({ publication }: Waiting): Promise<boolean> {
    const prepared = await publication.catch(() => undefined);
    return prepared !== undefined && this.#recording.needsTransaction(prepared);
  }

  async #write(block: readonly Waiting[], last: boolean): Promise<readonly Waiting[]> {
    const series: Series = {};
    const results = await Promise.allSettled(block.map((each) => this.#store(each, series)));
    const again: Waiting[] = [];
    results.forEach((result, index) => {
      const each = block[index];
      if (each === undefined) return;
      if (result.status === 'fulfilled') this.#announce(result.value);
      else if (!last && isPassing(result.reason)) again.push(each);
      else this.#fail(each, result.reason);
    });
    return again;
  }

  async #store(waiting: Waiting, series: Series): Promise<Publication> {
    const publication = await waiting.publication;
    try {
      await this.#recording.store(publication, series);
    } catch (error) {
      if (!this.#isOwnDuplicate(error, publication)) throw error;
    }
    return publication;
  }

  readonly #uncertain = new WeakSet<Publication>();

  /** After an unknown outcome, finding the event stored means that the first try had succeeded. */
  #isOwnDuplicate(error: unknown, publication: Publication): boolean {
    if (error instanceof UnknownCommitOutcome) this.#uncertain.add(publication);
    return error instanceof DuplicateEvent && this.#uncertain.has(publication);
  }

  #announce(publication: Publication): void {
    const resume: Publication['resume'] = (work) => publication.resume(() => this.#handling.run(true, work));
    this.#announcing = this.#announcing
      .then(() => this.#recording.announce({ ...publication, resume }))
      .finally(() => {
        this.#held -= 1;
      });
  }

  #fail(waiting: Waiting, reason: unknown): void {
    this.#held -= 1;
    this.#report(new RecordingFailed(waiting.eventName, reason));
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof LogUnavailable || error instanceof UnknownCommitOutcome;
}
