import type { Event } from '../../src/index.js';
import type { Decision } from './decision.js';
import type { Fault } from './fault.js';
import { givenBy } from './masking.js';
import { withoutUndo, type Observation } from './observation.js';
import type { PairSettings } from './pair-options.js';
import { reasonOf } from './reason.js';
import type { Saboteur } from './saboteur.js';
import { Taints } from './taints.js';
import { judge, shapeOf, type Judged, type Verdict } from './verdict.js';
import type { VerdictLog } from './verdict-log.js';

export interface JudgingParts {
  readonly settings: PairSettings;
  readonly saboteur: Saboteur;
  readonly verdicts: VerdictLog;
  readonly judged: (verdict: Verdict) => void;
  readonly report: (error: unknown) => void;
}

export interface BothSides {
  readonly listener: Observation | undefined;
  readonly handler: Observation;
  readonly listenerRuns?: number | undefined;
}

interface Sides extends BothSides {
  readonly fault?: Fault | undefined;
}

/** Gives each comparison its verdict. Where none can be reached, that is `untrusted`: nothing vanishes. */
export class Judging {
  readonly #parts: JudgingParts;
  readonly #taints = new Taints();

  constructor(parts: JudgingParts) {
    this.#parts = parts;
  }

  /** Never throws. */
  judge(event: Event, decision: Decision, { listener, handler, listenerRuns }: BothSides): void {
    const sides = { listener, handler: this.#taints.on(event.id, handler), listenerRuns };
    try {
      this.#give(event, decision, this.#sabotaged(event, decision, sides));
    } catch (error) {
      this.fail(event, decision, error);
    }
  }

  /** No verdict was reached. */
  fail(event: Event, decision: Decision, error: unknown): void {
    this.#parts.report(error);
    this.#distrust(event, decision, `the comparison threw: ${reasonOf(error)}`);
  }

  /** Its verdict, given or to come, is not the whole truth. */
  taint(event: Event, decision: Decision, what: string): void {
    this.#taints.add(event.id, what);
    this.#distrust(event, decision, what);
  }

  #distrust(event: Event, decision: Decision, what: string): void {
    const untrusted: Observation = { effects: [], escapes: [what], error: undefined, duration: 0 };
    this.#give(event, decision, { listener: untrusted, handler: untrusted });
  }

  #sabotaged(event: Event, { performs }: Decision, sides: Sides): Sides {
    const tried = performs === 'listener' ? sides.handler : sides.listener;
    const { saboteur } = this.#parts;
    // A fault counts as noticed only where there is nothing else to notice.
    if (tried === undefined || !saboteur.isArmed || this.#judged(event, sides).verdict !== 'match') {
      return sides;
    }
    const { observation, fault } = saboteur.alter(tried, event.id);
    return performs === 'listener'
      ? { ...sides, handler: observation, fault }
      : { ...sides, listener: observation, fault };
  }

  #judged(event: Event, { listener, handler, listenerRuns }: Sides): Judged {
    const [one, other] = [listener && withoutUndo(listener), withoutUndo(handler)];
    return judge(one, other, this.#parts.settings.rules, { listenerRuns, given: givenBy(event) });
  }

  #give(event: Event, { stage, performs }: Decision, sides: Sides): void {
    const { settings, verdicts, judged } = this.#parts;
    const verdict: Verdict = {
      pair: settings.name,
      eventId: event.id,
      stage,
      performed: performs,
      ...this.#judged(event, sides),
      shape: shapeOf(event.data),
      listener: sides.listener && withoutUndo(sides.listener),
      handler: withoutUndo(sides.handler),
      sabotaged: sides.fault !== undefined,
      fault: sides.fault,
    };
    verdicts.add(verdict);
    judged(verdict);
  }
}
