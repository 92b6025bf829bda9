import { HandoverError } from '../../src/index.js';
import type { Condition } from './gate.js';
import { textOf, type Stage, type Standing } from './stage.js';

/** The gate is closed: the evidence does not carry the move. */
export class PromotionRefused extends HandoverError {
  readonly code = 'promotion_refused';
  readonly pair: string;
  readonly from: Stage;
  readonly to: Stage;
  readonly failed: readonly Condition[];

  constructor(pair: string, from: Stage, to: Stage, failed: readonly Condition[]) {
    super(
      `The pair "${pair}" cannot go from ${from} to ${to}: ${failed.map(({ name, found }) => `${name} (${found})`).join('; ')}.`,
      'See `await pair.report()`. To go on all the same, pass `{ override: true, why: … }`; it is kept in the ledger.',
    );
    this.pair = pair;
    this.from = from;
    this.to = to;
    this.failed = failed;
  }
}

/** A pair goes forward one stage at a time. */
export class StageSkipped extends HandoverError {
  readonly code = 'stage_skipped';
  readonly pair: string;
  readonly from: Stage;
  readonly to: Stage;

  constructor(pair: string, from: Stage, to: Stage, next: string) {
    super(`The pair "${pair}" cannot go from ${from} to ${to} at once.`, `Move it to ${next} first.`);
    this.pair = pair;
    this.from = from;
    this.to = to;
  }
}

/** The comparison has cost too much; the pair went back to `record` by itself. */
export class PairBrokenOff extends HandoverError {
  readonly code = 'pair_broken_off';
  readonly pair: string;

  constructor(pair: string, why: string) {
    super(
      `The pair "${pair}" went back to record. ${why}`,
      "Mend the handler or raise `budget`, then `pair.promote({ to: 'shadow' })`.",
    );
    this.pair = pair;
  }
}

/** Somebody else moved the pair first. Nothing was written. */
export class MovedMeanwhile extends HandoverError {
  readonly code = 'moved_meanwhile';
  readonly pair: string;
  /** Where it was when the move began. */
  readonly from: Standing;
  /** Where it is. */
  readonly now: Standing;

  constructor(pair: string, from: Standing, now: Standing & { readonly who: string }, cause?: unknown) {
    super(
      `The pair "${pair}" was at ${textOf(from)} when this move began, and is at ${textOf(now)} now: ${now.who} was first.`,
      'See `await pair.report()`, then decide again.',
      cause,
    );
    this.pair = pair;
    this.from = from;
    this.now = { stage: now.stage, percent: now.percent };
  }
}

/** What says where the pair stands does not answer. It stays where it was known to be last. */
export class StageUnknown extends HandoverError {
  readonly code = 'stage_unknown';
  /** Such as `ledger of the pair "receipts"`. */
  readonly source: string;
  /** Milliseconds. */
  readonly waited: number;

  constructor(source: string, waited: number) {
    super(
      `The ${source} did not answer within ${waited} ms; the pair stays at the stage it had.`,
      'It is asked again by itself. Look at what answers for it: the database, or the provider of the flag.',
    );
    this.source = source;
    this.waited = waited;
  }
}
