import type { DeliveryLog } from '../delivery/delivery-log.js';
import { fromRoot } from '../delivery/worker/root-context.js';

export interface BackgroundSequencingParts {
  readonly deliveries: Pick<DeliveryLog, 'sequence' | 'registrations'>;
  /** False once the log's database has been closed: nothing may open it again. */
  readonly isOpen: () => boolean;
  /** Whether this process has queued handlers. */
  readonly hasHandlers: () => boolean;
  /** Makes them known to the log. */
  readonly register: () => Promise<void> | undefined;
  readonly report: (error: unknown) => void;
}

const pauses = { awaited: 5, unawaited: 1_000 };

/**
 * Gives what is committed its place in the global order where no worker in this process does, which wakes those
 * elsewhere: at once where anybody has registered a queued handler, else a second later.
 */
export class BackgroundSequencing {
  readonly #parts: BackgroundSequencingParts;
  /** Commits that no round has looked at. */
  #hasMore = false;
  #round: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Somebody has handlers. Undefined: nobody has asked yet. */
  #isAwaited: boolean | undefined;

  constructor(parts: BackgroundSequencingParts) {
    this.#parts = parts;
  }

  committed(): void {
    this.#hasMore = true;
    if (this.#isClosed || this.#round !== undefined) return;
    if (this.#isAwaited === false && !this.#parts.hasHandlers()) this.#runLater();
    else if (this.#timer === undefined) this.#run();
  }

  /** Ends what is under way. What nobody waits for stays where it is until somebody sequences. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#round;
    if (this.#hasMore && this.#isAwaited === true) await fromRoot(() => this.#sequence());
  }

  #runLater(): void {
    const pause = this.#isAwaited === true ? pauses.awaited : pauses.unawaited;
    this.#timer ??= fromRoot(() => setTimeout(() => this.#run(), pause).unref());
  }

  #run(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#round = fromRoot(() => this.#sequence()).finally(() => {
      this.#round = undefined;
      if (this.#hasMore && !this.#isClosed) this.#runLater();
    });
  }

  /** Never rejects. */
  async #sequence(): Promise<void> {
    const { deliveries, isOpen, register, report } = this.#parts;
    try {
      const isFirst = this.#isAwaited === undefined;
      if (isOpen()) await register();
      if (isOpen() && this.#isAwaited !== true) this.#isAwaited = await this.#hasAnybodyHandlers();
      if (isFirst && this.#isAwaited === false) return;
      this.#hasMore = false;
      // Whoever commits while another is at it relies on that one to come again.
      if (isOpen() && (await deliveries.sequence()) > 0) this.#hasMore = true;
    } catch (error) {
      this.#hasMore = false;
      report(error);
    }
  }

  async #hasAnybodyHandlers(): Promise<boolean> {
    if (this.#parts.hasHandlers()) return true;
    return (await this.#parts.deliveries.registrations()).length > 0;
  }
}
