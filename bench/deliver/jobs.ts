/** The jobs of one contender: which were stored, and how often each was handled. */
export class Jobs {
  readonly #handled: number[] = [];
  #stored = 0;
  #distinct = 0;
  #waiters: { readonly until: number; readonly resolve: () => void }[] = [];
  #next = Promise.withResolvers<number>();

  /** Numbers for so many further ones. */
  take(count: number): readonly number[] {
    const first = this.#stored;
    this.#stored += count;
    return Array.from({ length: count }, (_, nth) => first + nth);
  }

  handle(number: number): void {
    const before = this.#handled[number] ?? 0;
    this.#handled[number] = before + 1;
    this.#next.resolve(performance.now());
    if (before > 0) return;
    this.#distinct += 1;
    this.#waiters = this.#waiters.filter(({ until, resolve }) => {
      if (until <= this.#distinct) resolve();
      return until > this.#distinct;
    });
  }

  /** Resolves when all are handled that were taken so far. */
  allHandled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#distinct >= this.#stored) resolve();
      else this.#waiters.push({ until: this.#stored, resolve });
    });
  }

  /** The time at which the next handler starts. */
  nextStart(): Promise<number> {
    this.#next = Promise.withResolvers();
    return this.#next.promise;
  }

  get stored(): number {
    return this.#stored;
  }

  get repeated(): number {
    return this.#handled.filter((times) => times > 1).length;
  }

  get lost(): number {
    return this.#stored - this.#distinct;
  }
}
