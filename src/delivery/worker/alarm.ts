/** A sleep that ends early when it rings. One that rang while nobody slept ends the next sleep at once. */
export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    if (this.#wake === undefined) this.#rung = true;
    else this.#wake();
  }

  async sleep(milliseconds: number): Promise<void> {
    if (!this.#rung) await this.#fallAsleep(milliseconds);
    this.#rung = false;
  }

  #fallAsleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#wake = wake;
    });
  }
}

/** Resolves when `work` has ended, whichever way, but never later than `milliseconds` from now. */
export function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const ended = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(ended, ended);
  });
}
