import type { Event } from '../../src/index.js';
import { shareOf } from './stage.js';
import { shapeOf } from './verdict.js';

const perShape = 3;
const mostShapes = 1_000;

/** Which events are compared: a part of them by their id, and the first ones of each payload shape. */
export class Sampling {
  readonly #share: number;
  readonly #seen = new Map<string, number>();

  constructor(share: number) {
    this.#share = share;
  }

  takes(event: Event): boolean {
    if (this.#share >= 1) return true;
    return shareOf(`sample ${event.id}`) < this.#share || this.#isNew(event);
  }

  #isNew(event: Event): boolean {
    const shape = shapeOf(event.data);
    const seen = this.#seen.get(shape) ?? 0;
    if (seen >= perShape || (seen === 0 && this.#seen.size >= mostShapes)) return false;
    this.#seen.set(shape, seen + 1);
    return true;
  }
}
