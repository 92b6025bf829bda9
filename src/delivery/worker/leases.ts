import type { DeliveryLog } from '../delivery-log.js';

/** Keeps the leases of running deliveries alive: renews all of them at half time. */
export class Leases {
  readonly #log: Pick<DeliveryLog, 'renew'>;
  readonly #leaseFor: number;
  readonly #report: (error: unknown) => void;
  readonly #held = new Map<string, () => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Pick<DeliveryLog, 'renew'>, leaseFor: number, report: (error: unknown) => void) {
    this.#log = log;
    this.#leaseFor = leaseFor;
    this.#report = report;
  }

  /** @param lost Called when the log says that somebody else has taken over. */
  hold(token: string, lost: () => void): void {
    this.#held.set(token, lost);
    if (this.#timer === undefined) this.#renewIn(this.#leaseFor / 2);
  }

  drop(token: string): void {
    this.#held.delete(token);
    if (this.#held.size === 0) this.dropAll();
  }

  dropAll(): void {
    this.#held.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #renewIn(milliseconds: number): void {
    const timer = setTimeout(() => void this.#renew(timer), milliseconds);
    this.#timer = timer;
  }

  async #renew(timer: NodeJS.Timeout): Promise<void> {
    const next = await this.#renewAll();
    if (this.#timer === timer) this.#renewIn(next);
  }

  async #renewAll(): Promise<number> {
    try {
      for (const token of await this.#log.renew([...this.#held.keys()], this.#leaseFor)) this.#lose(token);
      return this.#leaseFor / 2;
    } catch (error) {
      this.#report(error);
      return this.#leaseFor / 8;
    }
  }

  /** One that ended while the log answered is not lost. */
  #lose(token: string): void {
    const lost = this.#held.get(token);
    this.#held.delete(token);
    lost?.();
  }
}
