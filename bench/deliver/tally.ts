/** How many jobs have begun and how many are marked as completed. */
export class Tally {
  #open = 0;
  #caughtUp = Promise.withResolvers<void>();

  begin(): void {
    this.#open += 1;
  }

  complete(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#caughtUp.resolve();
    this.#caughtUp = Promise.withResolvers();
  }

  /** Resolves when all that has begun is completed. */
  caughtUp(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : this.#caughtUp.promise;
  }
}
