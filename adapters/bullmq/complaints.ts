import { describeValue } from '../../src/index.js';

const quiet = 60_000;
const mostRemembered = 1_000;

/** Passes errors on that nobody waits for: of those that differ by numbers and ids only, one a minute. */
export class Complaints {
  readonly #report: (error: unknown) => void;
  readonly #last = new Map<string, number>();

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  hear(error: unknown): void {
    const kind = (error instanceof Error ? error.message : describeValue(error)).replace(/\S*\d\S*/g, '#');
    const now = performance.now();
    if (now - (this.#last.get(kind) ?? -Infinity) < quiet) return;
    if (this.#last.size >= mostRemembered) this.#last.clear();
    this.#last.set(kind, now);
    this.#report(error);
  }
}
