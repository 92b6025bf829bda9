const most = 10_000;

/** How often the listener would have been called for events of this bus that the handler performs. */
export class WithheldCalls {
  /** By event. */
  readonly #counts = new Map<string, number>();

  /** A broadcast of the event begins: from here on its calls are counted, and none is known to be none. */
  expect(eventId: string): void {
    this.#counts.set(eventId, 0);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > most && oldest !== undefined) this.#counts.delete(oldest);
  }

  count(eventId: string): void {
    const calls = this.#counts.get(eventId);
    if (calls !== undefined) this.#counts.set(eventId, calls + 1);
  }

  /** `undefined`: no broadcast of this process, so that nobody knows. */
  of(eventId: string): number | undefined {
    return this.#counts.get(eventId);
  }
}
