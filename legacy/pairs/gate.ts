import type { ExpectedDifference } from './comparison.js';
import type { FaultKind } from './fault.js';
import { weighErrors, weighTrust } from './gate-errors.js';
import { isNeutral, type Verdict, type VerdictKind } from './verdict.js';

export interface GateOptions {
  /**
   * Matches in a row; default 300. None in n that differs bounds the rate of differences at about 3/n, with 95 %
   * confidence ("rule of three": Hanley and Lippman-Hand, JAMA 1983).
   */
  readonly runs?: number | undefined;
  /** Days since the pair came to its stage; default 1. */
  readonly days?: number | undefined;
  /** Matches among those for each payload shape that was seen; default 3. */
  readonly perShape?: number | undefined;
  /** How many times as long as the listener the handler may take, at the 95th percentile; default 2. */
  readonly slowdown?: number | undefined;
}

export type GateSettings = { readonly [K in keyof GateOptions]-?: number };

export const gateDefaults: GateSettings = { runs: 300, days: 1, perShape: 3, slowdown: 2 };

/** Milliseconds below which nobody minds a slowdown. */
const noticeable = 5;
const day = 86_400_000;

export interface Condition {
  readonly name:
    | 'recorded'
    | 'runs'
    | 'days'
    | 'shapes'
    | 'untrusted'
    | 'errors'
    | 'rules'
    | 'speed'
    | 'saboteur';
  readonly holds: boolean;
  /** What was found beside what is wanted, in words. */
  readonly found: string;
}

/** What a promotion rests on. */
export interface Evidence {
  readonly verdicts: Readonly<Partial<Record<VerdictKind, number>>>;
  /** Matches per thousand of everything that was compared; `null` when nothing was. */
  readonly matchRate: number | null;
  /** Matches since the last verdict that speaks against the handler. */
  readonly streak: number;
  /** Of differences, with 95 % confidence; 1 when nothing is known. */
  readonly rateBound: number;
  readonly conditions: readonly Condition[];
}

export interface GateFacts {
  /** Since the pair came to its stage, oldest first. */
  readonly verdicts: readonly Verdict[];
  readonly notSampled: number;
  readonly since: Date;
  readonly now: Date;
  readonly rules: readonly ExpectedDifference[];
}

export function weigh(facts: GateFacts, options: GateSettings): Evidence {
  const real = facts.verdicts.filter((each) => !each.sabotaged);
  const counts = Object.fromEntries(
    Array.from(
      Map.groupBy(real, (each) => each.verdict),
      ([kind, each]) => [kind, each.length],
    ),
  );
  const row = real.slice(real.findLastIndex((each) => !isMatch(each) && !isNeutral(each)) + 1);
  const streak = row.filter(isMatch);
  const matches = real.filter(isMatch).length;
  const recent = real.slice(-Math.max(options.runs, row.length));
  return {
    verdicts: facts.notSampled > 0 ? { ...counts, 'not-sampled': facts.notSampled } : counts,
    matchRate: real.length === 0 ? null : matches / real.length,
    streak: streak.length,
    rateBound: streak.length === 0 ? 1 : Math.min(1, 3 / streak.length),
    conditions: [
      runs(streak.length, options.runs),
      days(facts, options.days),
      shapes(real, streak, options.perShape),
      weighTrust(recent),
      weighErrors(recent),
      rules(facts),
      speed(streak, options.slowdown),
      saboteur(facts.verdicts),
    ],
  };
}

function runs(found: number, wanted: number): Condition {
  return { name: 'runs', holds: found >= wanted, found: `${found} matches in a row of ${wanted}` };
}

function days({ since, now }: GateFacts, wanted: number): Condition {
  const found = (now.getTime() - since.getTime()) / day;
  return {
    name: 'days',
    holds: found >= wanted,
    found: `${found.toFixed(1)} days at this stage of ${wanted}`,
  };
}

function shapes(all: readonly Verdict[], streak: readonly Verdict[], wanted: number): Condition {
  const seen = new Set(all.map(({ shape }) => shape));
  const short = [...seen].filter((shape) => streak.filter((each) => each.shape === shape).length < wanted);
  return {
    name: 'shapes',
    holds: seen.size > 0 && short.length === 0,
    found: `${seen.size - short.length} payload shapes of ${seen.size} with ${wanted} matches or more`,
  };
}

function rules({ rules: all, now }: GateFacts): Condition {
  const expired = all.filter(({ expires }) => expires <= now).map(({ name }) => name);
  return {
    name: 'rules',
    holds: expired.length === 0,
    found: expired.length === 0 ? 'no rule has expired' : `expired: ${expired.join(', ')}`,
  };
}

function speed(streak: readonly Verdict[], slowdown: number): Condition {
  const listener = p95(streak.map((each) => each.listener?.duration ?? 0));
  const handler = p95(streak.map((each) => each.handler?.duration ?? 0));
  const allowed = Math.max(noticeable, listener * slowdown);
  return {
    name: 'speed',
    holds: handler <= allowed,
    found: `p95 of the handler ${handler.toFixed(1)} ms of ${allowed.toFixed(1)} ms, of the listener ${listener.toFixed(1)} ms`,
  };
}

const faultKinds: readonly FaultKind[] = ['dropped', 'altered', 'added'];

function saboteur(verdicts: readonly Verdict[]): Condition {
  const planted = verdicts.filter((each) => each.sabotaged);
  const missed = planted.filter((each) => each.verdict === 'match');
  return {
    name: 'saboteur',
    holds: planted.length > 0 && missed.length === 0,
    found: planted.length === 0 ? 'no fault was planted' : caughtOf(planted, missed),
  };
}

function caughtOf(planted: readonly Verdict[], missed: readonly Verdict[]): string {
  const byKind = faultKinds.flatMap((kind) => {
    const count = (among: readonly Verdict[]) => among.filter(({ fault }) => fault?.kind === kind).length;
    return count(planted) === 0 ? [] : [`${kind} ${count(planted) - count(missed)} of ${count(planted)}`];
  });
  const unseen = new Set(missed.flatMap(({ fault }) => (fault ? `${fault.kind} ${fault.path}` : [])));
  return [
    `${planted.length - missed.length} planted faults caught of ${planted.length}`,
    byKind.length === 0 ? '' : `: ${byKind.join(', ')}`,
    unseen.size === 0 ? '' : `; not noticed: ${[...unseen].join(', ')}`,
  ].join('');
}

function p95(durations: readonly number[]): number {
  return durations.toSorted((a, b) => a - b)[Math.ceil(durations.length * 0.95) - 1] ?? 0;
}

function isMatch({ verdict }: Verdict): boolean {
  return verdict === 'match';
}
