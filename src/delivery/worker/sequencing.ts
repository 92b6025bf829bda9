import type { DeliveryLog } from '../delivery-log.js';
import { fromRoot } from './root-context.js';

export interface SequencingParts {
  readonly deliveries: Pick<DeliveryLog, 'sequence' | 'sequenceAll'>;
  /** There may be deliveries to take. */
  readonly moved: () => void;
  readonly report: (error: unknown) => void;
}

/** How many events a claim sequences itself. More of them go into the order beside the claims. */
export const fewEvents = 100;

/** Moves what is committed into the global order while deliveries are claimed, so that neither waits for the other. */
export class Sequencing {
  readonly #parts: SequencingParts;
  #round: Promise<void> | undefined;

  constructor(parts: SequencingParts) {
    this.#parts = parts;
  }

  /** One round at a time. */
  start(): void {
    this.#round ??= fromRoot(() => this.#run()).finally(() => (this.#round = undefined));
  }

  /** Resolves when what was committed before the call has its place, whoever gives it, and history its next step. */
  async finish(): Promise<void> {
    await this.#round;
    await this.#parts.deliveries.sequenceAll();
    await this.#parts.deliveries.sequence();
  }

  async ended(): Promise<void> {
    await this.#round;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { deliveries, moved, report } = this.#parts;
    try {
      if ((await deliveries.sequence()) > 0) moved();
    } catch (error) {
      report(error);
    }
  }
}
