import { checkKnownOptions, InvalidArgument, type EventStore } from '../../src/index.js';
import { gateEvidence } from './evidence.js';
import type { Evidence } from './gate.js';
import type { Entry, Ledger } from './ledger.js';
import { MovedMeanwhile, PairBrokenOff, PromotionRefused, StageSkipped } from './pair-errors.js';
import type { PairSettings } from './pair-options.js';
import { isForward, isStage, isStep, stages, type Stage, type Standing } from './stage.js';

export interface MoveOptions {
  /** Default: the next stage, or the one before. */
  readonly to?: Stage | undefined;
  /** In `live`, of the streams whose events the handler performs, 0 to 100. */
  readonly percent?: number | undefined;
  /** Kept in the ledger; default: the user of this process. */
  readonly who?: string | undefined;
  /** Kept in the ledger. Needed to override the gate. */
  readonly why?: string | undefined;
  /** Moves although the gate is closed. */
  readonly override?: boolean | undefined;
}

export interface PromotionParts {
  readonly store: EventStore;
  readonly ledger: Ledger;
  readonly settings: PairSettings;
}

const mostTries = 5;

/** Where the pair is, and the move that it came there by; `undefined`: it was declared there. */
interface Place {
  readonly standing: Standing;
  readonly entry: Entry | undefined;
}

/** Moves a pair, and writes each move into its ledger. */
export class Promotions {
  readonly #parts: PromotionParts;

  constructor(parts: PromotionParts) {
    this.#parts = parts;
  }

  /** From where this process knows the pair to be: who decides on what is out of date moves nothing. */
  async promote(options: MoveOptions): Promise<Standing> {
    const { who, why, override } = checkMove(options);
    const place = await this.#place();
    const from = place.standing;
    const to = this.#target(from, options, 1);
    if (!isForward(from, to))
      throw new InvalidArgument('to', `a stage after ${from.stage}`, options.to ?? to.stage);
    if (!isStep(from, to)) {
      throw new StageSkipped(this.#parts.settings.name, from.stage, to.stage, nextOf(from));
    }
    const evidence = await this.#evidence(place);
    const failed = evidence?.conditions.filter(({ holds }) => !holds) ?? [];
    const isOverridden = failed.length > 0;
    if (isOverridden && (override !== true || why === undefined)) {
      throw new PromotionRefused(this.#parts.settings.name, from.stage, to.stage, failed);
    }
    await this.#move(place, to, { who, why: why ?? 'the gate is open', overridden: isOverridden, evidence });
    return to;
  }

  /** With `to`, also from where somebody else has moved it meanwhile: who goes back is in a hurry. */
  async demote(options: MoveOptions): Promise<Standing> {
    checkMove(options);
    for (let tries = 1; ; tries += 1) {
      const place = await this.#place();
      try {
        return await this.#demoteFrom(place, options);
      } catch (error) {
        const isPassed = error instanceof MovedMeanwhile && options.to !== undefined && tries < mostTries;
        if (!isPassed || !isForward(this.#target(place.standing, options, -1), error.now)) throw error;
      }
    }
  }

  async #demoteFrom(place: Place, options: MoveOptions): Promise<Standing> {
    const { who, why = 'not said' } = checkMove(options);
    const from = place.standing;
    const to = this.#target(from, options, -1);
    if (isForward(from, to) || (to.stage === from.stage && to.percent === from.percent)) {
      throw new InvalidArgument('to', `a stage before ${from.stage}`, options.to ?? to.stage);
    }
    await this.#move(place, to, { who, why, overridden: false, evidence: undefined });
    return to;
  }

  /** What a flag says: as far as one step forward, or back to anywhere. The operator of the flag has decided. */
  async follow(wanted: Standing, flag: string): Promise<void> {
    const place = await this.#place();
    const from = place.standing;
    if (wanted.stage === from.stage && wanted.percent === from.percent) return;
    if (!isStep(from, wanted)) {
      throw new StageSkipped(this.#parts.settings.name, from.stage, wanted.stage, nextOf(from));
    }
    const evidence = isForward(from, wanted) ? await this.#evidence(place) : undefined;
    const overridden = evidence?.conditions.some(({ holds }) => !holds) ?? false;
    await this.#move(place, wanted, { who: 'flag', why: `flag ${flag}`, overridden, evidence });
  }

  /** What the breaker does. @returns What to tell. */
  async breakOff(why: string): Promise<PairBrokenOff> {
    await this.#move(
      await this.#place(),
      { stage: 'record', percent: 100 },
      {
        who: 'handover',
        why,
        overridden: false,
        evidence: undefined,
      },
    );
    return new PairBrokenOff(this.#parts.settings.name, why);
  }

  async #place(): Promise<Place> {
    const { ledger, settings } = this.#parts;
    await ledger.settled();
    return { standing: ledger.known ?? settings.start, entry: ledger.known };
  }

  async #move(
    { standing, entry }: Place,
    to: Standing,
    reason: { who: string; why: string; overridden: boolean; evidence: Evidence | undefined },
  ): Promise<void> {
    await this.#parts.ledger.write({ from: standing, to, ...reason }, entry);
  }

  #evidence({ standing, entry }: Place): Promise<Evidence | undefined> {
    const { store, settings } = this.#parts;
    return gateEvidence({ store, settings, standing, entry });
  }

  #target(from: Standing, { to, percent }: MoveOptions, step: 1 | -1): Standing {
    if (to !== undefined && !isStage(to)) throw new InvalidArgument('to', `one of ${stages.join(', ')}`, to);
    const stays = to === undefined && percent !== undefined && from.stage === 'live';
    const next = stages[stages.indexOf(from.stage) + step] ?? from.stage;
    const stage =
      to ?? (stays || (step === 1 && from.stage === 'live' && from.percent < 100) ? 'live' : next);
    if (stage !== 'live') return { stage, percent: 100 };
    return { stage, percent: checkPercent(percent ?? defaultPercent(from, step)) };
  }
}

/** 1 % first, then ten times as much. */
function defaultPercent({ stage, percent }: Standing, step: 1 | -1): number {
  if (stage !== 'live') return step === 1 ? 1 : 100;
  return step === 1 ? Math.min(100, Math.max(1, percent) * 10) : Math.floor(percent / 10);
}

function nextOf(from: Standing): string {
  if (from.stage === 'live' && from.percent < 100) return "'live' with 100 percent";
  return `'${stages[stages.indexOf(from.stage) + 1] ?? 'retired'}'`;
}

function checkMove(options: MoveOptions): { who: string; why: string | undefined; override: unknown } {
  checkKnownOptions(options, ['to', 'percent', 'who', 'why', 'override'], "`{ who: 'ann', why: '…' }`");
  const { who = process.env['USER'] ?? 'somebody', why, override } = options;
  for (const [name, text] of Object.entries({ who, why })) {
    if (text !== undefined && (typeof text !== 'string' || text.trim() === '')) {
      throw new InvalidArgument(name, 'text', text);
    }
  }
  return { who, why, override };
}

function checkPercent(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 100) return value;
  throw new InvalidArgument('percent', 'a number from 0 to 100', value);
}
