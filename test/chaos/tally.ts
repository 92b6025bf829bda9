/** What was counted in a run, by name, in the order of first sight. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, this.of(name) + count);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  get all(): readonly (readonly [name: string, count: number])[] {
    return [...this.#counts];
  }
}
