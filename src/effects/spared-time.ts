/** Time that goes by during a run and is not its own, such as what it waits for a connection of a pool. */
export class SparedTime {
  #passed = 0;
  /** Waits side by side count once. */
  #waits = 0;
  #since = 0;

  get milliseconds(): number {
    return this.#passed + (this.#waits === 0 ? 0 : performance.now() - this.#since);
  }

  async during<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#waits === 0) this.#since = performance.now();
    this.#waits += 1;
    try {
      return await wait();
    } finally {
      if (this.#waits === 1) this.#passed = this.milliseconds;
      this.#waits -= 1;
    }
  }
}
