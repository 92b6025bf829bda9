import { InvalidPayload, UpcastFailed } from '../errors/event-errors.js';
import { UnexpectedEventType } from '../errors/delivery-errors.js';
import { PublishedInReplay } from '../errors/replay-errors.js';
import { LogUnavailable, UnknownCommitOutcome } from '../errors/log-errors.js';

/** Milliseconds. */
export interface Backoff {
  readonly base: number;
  readonly cap: number;
}

export const defaultBackoff: Backoff = { base: 1_000, cap: 3_600_000 };
const quick: Backoff = { base: 50, cap: 5_000 };
const quickTries = 20;
const deepestCause = 8;

/** Serialisation failure, deadlock, lost connections, a server that shuts down or starts. */
const passing = /^(40001|40P01|57P0[123]|08[0-9A-Z]{3})$/;

/** Full jitter: anything up to the doubled base, so that what failed together does not come back together. */
export function delayAfter(failures: number, { base, cap }: Backoff): number {
  return Math.round(Math.random() * Math.min(cap, base * 2 ** (failures - 1)));
}

export interface Failure {
  readonly error: unknown;
  /** The run that failed, from 1. */
  readonly attempt: number;
  /** How often this delivery failed in a row without counting. */
  readonly uncounted: number;
}

export type NextStep =
  | { readonly kind: 'retry'; readonly inMs: number }
  | { readonly kind: 'retry-uncounted'; readonly inMs: number }
  | { readonly kind: 'dead' };

/** What becomes of a delivery whose handler failed (hazards H10). */
export function nextStep(
  { error, attempt, uncounted }: Failure,
  policy: { readonly attempts: number; readonly backoff: Backoff },
): NextStep {
  if (isHopeless(error)) return { kind: 'dead' };
  if (uncounted < quickTries && isPassing(error)) {
    return { kind: 'retry-uncounted', inMs: delayAfter(uncounted + 1, quick) };
  }
  if (attempt >= policy.attempts) return { kind: 'dead' };
  return { kind: 'retry', inMs: delayAfter(attempt, policy.backoff) };
}

function isHopeless(error: unknown): boolean {
  return (
    error instanceof UpcastFailed ||
    error instanceof InvalidPayload ||
    error instanceof UnexpectedEventType ||
    error instanceof PublishedInReplay
  );
}

/** Database libraries wrap what the server said. */
function isPassing(error: unknown): boolean {
  let each = error;
  for (let depth = 0; depth < deepestCause && typeof each === 'object' && each !== null; depth += 1) {
    if (each instanceof LogUnavailable || each instanceof UnknownCommitOutcome) return true;
    const code: unknown = Reflect.get(each, 'code');
    if (typeof code === 'string' && passing.test(code)) return true;
    each = Reflect.get(each, 'cause');
  }
  return false;
}
