import { SchedulerUnreachable } from './scheduler-unreachable.js';

export interface ReachabilityParts {
  /** Rejects when it is out of reach, in bounded time. */
  readonly probe: () => Promise<void>;
  /** Called when it is in reach, for the first time and again. */
  readonly back: () => void;
  readonly report: (error: unknown) => void;
}

const pauses = { first: 200, longest: 4_000 };

/**
 * The breaker: one failure, and nobody waits for the scheduler again until a probe has got through. Until something was
 * handed over in time each failure makes the pauses longer: what only answers probes is no use.
 */
export class Reachability {
  readonly #parts: ReachabilityParts;
  #reachable = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #probing = false;
  #reported = false;
  #closed = false;

  constructor(parts: ReachabilityParts) {
    this.#parts = parts;
    this.#probeIn(0);
  }

  get isReachable(): boolean {
    return this.#reachable;
  }

  /** It has done what it is for. */
  worked(): void {
    this.#failures = 0;
    this.#reported = false;
  }

  lost(cause: unknown): void {
    if (this.#closed) return;
    const wasReachable = this.#reachable;
    this.#reachable = false;
    if (!wasReachable) return;
    this.#complain(cause);
    this.#probeIn(this.#pause());
  }

  close(): void {
    this.#closed = true;
    this.#reachable = false;
    clearTimeout(this.#timer);
  }

  #pause(): number {
    const most = Math.min(pauses.longest, pauses.first * 2 ** this.#failures);
    this.#failures += 1;
    return most * (0.5 + Math.random() / 2);
  }

  #probeIn(milliseconds: number): void {
    if (this.#closed || this.#probing) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#probe(), milliseconds);
  }

  async #probe(): Promise<void> {
    this.#probing = true;
    const failure = await this.#failureOf(this.#parts.probe());
    this.#probing = false;
    if (this.#closed) return;
    if (failure === undefined) {
      this.#reachable = true;
      this.#parts.back();
    } else {
      this.#complain(failure.error);
      this.#probeIn(this.#pause());
    }
  }

  async #failureOf(work: Promise<void>): Promise<{ readonly error: unknown } | undefined> {
    try {
      await work;
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** Once for each time that it is away. */
  #complain(cause: unknown): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#parts.report(cause instanceof SchedulerUnreachable ? cause : new SchedulerUnreachable(cause));
  }
}
