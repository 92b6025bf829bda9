const atOnce = 4;
const mostWaiting = 1_000;

/** Runs of the side that does not perform: in the background, a few at a time, never more than can wait. */
export class Trials {
  readonly #report: (error: unknown) => void;
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** @returns False when too many wait already; nothing was started then. */
  start(run: () => Promise<void>): boolean {
    if (this.#waiting.length >= mostWaiting) return false;
    this.#waiting.push(run);
    this.#next();
    return true;
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #next(): void {
    while (this.#running.size < atOnce) {
      const run = this.#waiting.shift();
      if (run === undefined) return;
      const over: Promise<void> = Promise.resolve()
        .then(run)
        .catch((error: unknown) => this.#report(error))
        .finally(() => {
          this.#running.delete(over);
          this.#next();
        });
      this.#running.add(over);
    }
  }
}
