import type { Event } from '../../src/index.js';
import type { Decision } from './decision.js';
import type { Sampling } from './sampling.js';
import { performerOf, type Standing } from './stage.js';

/** How an event gets into the store. */
export interface Way {
  readonly stream: string | undefined;
  /** False: no listener can hear it, and the handler performs at any stage. */
  readonly isHeard: boolean;
}

export interface DecidingParts {
  readonly sampling: Sampling;
  /** Where the pair stands for events of a stream. */
  readonly standingFor: (stream: string | undefined) => Standing;
  /** Whether one more run of the listener beside itself is wanted. */
  readonly choosesForNoise: () => boolean;
  readonly notSampled: () => void;
}

/** Who performs an event, decided once: before it is appended. */
export class Deciding {
  readonly #parts: DecidingParts;
  /** Of events that are on their way into the log. */
  readonly #decisions = new WeakMap<Event, Decision>();

  constructor(parts: DecidingParts) {
    this.#parts = parts;
  }

  of(event: Event): Decision | undefined {
    return this.#decisions.get(event);
  }

  decide(event: Event, way: Way): Decision {
    const decision = this.of(event) ?? this.#decideOn(event, way);
    this.#decisions.set(event, decision);
    return decision;
  }

  #decideOn(event: Event, { stream, isHeard }: Way): Decision {
    const { sampling, standingFor, choosesForNoise, notSampled } = this.#parts;
    const standing = standingFor(stream);
    const { stage } = standing;
    if (!isHeard) return { stage, performs: 'handler', compared: false };
    const isComparable = stage === 'shadow' || stage === 'live';
    const compared = isComparable && sampling.takes(event);
    if (isComparable && !compared) notSampled();
    const isMeasurable = stage === 'record' || (stage === 'shadow' && compared);
    const measured = isMeasurable && choosesForNoise();
    return {
      stage,
      performs: performerOf(standing, stream ?? event.id),
      compared,
      ...(measured && { measured }),
    };
  }
}
