import { LogUnavailable } from '../../errors/log-errors.js';
import { delayAfter } from '../retry-policy.js';
import { within } from './alarm.js';

/** What the log said about one item: its token held, or no longer; or nothing, until we gave up asking. */
export type Answer = 'held' | 'lost' | 'unanswered';

interface Waiting<T> {
  readonly item: T;
  readonly answer: (answer: Answer) => void;
}

const maxItems = 500;
const maxTries = 10;
const pauses = { base: 100, cap: 5_000 };

/**
 * Tells the log what became of deliveries, many at a time: while one batch is in flight the next one gathers.
 *
 * What fails is tried again for a while; after that the delivery's lease runs out and it is delivered once more.
 */
export class Batches<T> {
  readonly #write: (items: readonly T[]) => Promise<readonly string[]>;
  readonly #tokenOf: (item: T) => string;
  readonly #report: (error: unknown) => void;
  readonly #halt = Promise.withResolvers<void>();
  #waiting: Waiting<T>[] = [];
  #writing = false;
  #halted = false;

  constructor(
    write: (items: readonly T[]) => Promise<readonly string[]>,
    tokenOf: (item: T) => string,
    report: (error: unknown) => void,
  ) {
    this.#write = write;
    this.#tokenOf = tokenOf;
    this.#report = report;
  }

  /** Never rejects. */
  add(item: T): Promise<Answer> {
    return new Promise((answer) => {
      this.#waiting.push({ item, answer });
      if (!this.#writing) void this.#drain();
    });
  }

  /** Tries nothing again from here on. */
  halt(): void {
    this.#halted = true;
    this.#halt.resolve();
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) await this.#writeBatch(batch);
    this.#writing = false;
  }

  #take(): readonly Waiting<T>[] {
    return this.#waiting.splice(0, maxItems);
  }

  async #writeBatch(batch: readonly Waiting<T>[]): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        const lost = new Set(await this.#write(batch.map((each) => each.item)));
        for (const { item, answer } of batch) answer(lost.has(this.#tokenOf(item)) ? 'lost' : 'held');
        return;
      } catch (error) {
        this.#report(error);
        if (batch.length > 1 && !(error instanceof LogUnavailable)) return this.#writeEach(batch);
      }
      if (tries === maxTries || this.#halted) break;
      await within(delayAfter(tries, pauses), this.#halt.promise);
    }
    for (const { answer } of batch) answer('unanswered');
  }

  /** One of them may be to blame: the others, and those to come, do not wait for it. */
  #writeEach(batch: readonly Waiting<T>[]): void {
    for (const each of batch) void this.#writeBatch([each]);
  }
}
