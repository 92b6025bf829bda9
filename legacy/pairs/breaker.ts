import { isOverBudget } from './observation.js';
import type { Verdict } from './verdict.js';

const mostInARow = 3;

/** Watches what comparing costs: a side that is over its budget time and again takes more than it gives. */
export class Breaker {
  readonly #budget: number;
  #inARow = 0;

  /** @param budget Milliseconds. */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** @returns Why the comparison has to end; `undefined`: it may go on. */
  reasonAfter({ handler, listener, performed }: Verdict): string | undefined {
    const tried = performed === 'listener' ? handler : listener;
    this.#inARow = tried !== undefined && isOverBudget(tried) ? this.#inARow + 1 : 0;
    if (this.#inARow < mostInARow) return undefined;
    return `The handler took more than ${this.#budget} ms ${mostInARow} times in a row.`;
  }

  reset(): void {
    this.#inARow = 0;
  }
}
