import type { Observation } from './observation.js';

/** What listeners of this process did, until the other side comes for it. */
export class Meetings {
  readonly #waiting = new Map<string, Promise<Observation>[]>();
  readonly #most: number;

  constructor(most = 10_000) {
    this.#most = most;
  }

  bring(eventId: string, observation: Promise<Observation>): void {
    this.#waiting.set(eventId, [...(this.#waiting.get(eventId) ?? []), observation]);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > this.#most && oldest !== undefined) this.#waiting.delete(oldest);
  }

  has(eventId: string): boolean {
    return this.#waiting.has(eventId);
  }

  /** The runs of the listener; those that are not over within `patience` milliseconds are left out. */
  async takeAll(eventId: string, patience: number): Promise<readonly Observation[]> {
    const runs = this.#waiting.get(eventId) ?? [];
    this.#waiting.delete(eventId);
    return this.waitFor(runs, patience);
  }

  /** Leaves out those that are not over in time. */
  async waitFor(runs: readonly Promise<Observation>[], patience: number): Promise<readonly Observation[]> {
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), patience).unref();
    const seen = await Promise.all(runs.map((run) => Promise.race([run, late.promise])));
    clearTimeout(timer);
    return seen.filter((each) => each !== undefined);
  }

  drop(eventId: string): void {
    this.#waiting.delete(eventId);
  }
}
