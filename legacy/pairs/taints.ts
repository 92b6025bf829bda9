import type { Observation } from './observation.js';

const most = 10_000;

/** Escapes that came to light after their run had been observed, by event. */
export class Taints {
  readonly #byEvent = new Map<string, string[]>();

  add(eventId: string, what: string): void {
    this.#byEvent.set(eventId, [...(this.#byEvent.get(eventId) ?? []), what]);
    const [oldest] = this.#byEvent.keys();
    if (this.#byEvent.size > most && oldest !== undefined) this.#byEvent.delete(oldest);
  }

  /** The observation, with what has come to light. */
  on(eventId: string, observation: Observation): Observation {
    const late = this.#byEvent.get(eventId);
    if (late === undefined) return observation;
    return { ...observation, escapes: [...new Set([...observation.escapes, ...late])] };
  }
}
