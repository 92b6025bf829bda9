import { isDeepStrictEqual } from 'node:util';
import { effectName, type Effect } from '../../src/index.js';
import { masking, type Given } from './masking.js';
import type { Observation } from './observation.js';

/** One place where the two sides differ. */
export interface Difference {
  /** Like `mailer.send`, with the fields: `mailer.send 0.subject`. */
  readonly path: string;
  /** Left out: there was none. */
  readonly listener?: unknown;
  readonly handler?: unknown;
}

/** A difference that somebody has declared right, for a time. */
export interface ExpectedDifference {
  readonly name: string;
  readonly reason: string;
  /** From this day on it is a difference like any other. */
  readonly expires: Date;
  readonly matches: (difference: Difference) => boolean;
}

export interface ComparisonRules {
  /** Kinds whose effects are compared in their order. Others are compared as multisets. */
  readonly ordered: ReadonlySet<Effect['kind']>;
  /** Effects before they are compared, such as without an id that each side makes for itself; `undefined` leaves one out. */
  readonly normalise: (effect: Effect) => Effect | undefined;
  readonly expected: readonly ExpectedDifference[];
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Names of rules that took a difference for right. */
  readonly usedRules: readonly string[];
}

/** What the two sides did that is not the same. @param given The event: what it holds is masked on neither side. */
export function compare(
  listener: Observation,
  handler: Observation,
  rules: ComparisonRules,
  given?: Given,
): Comparison {
  const left = prepared(listener, rules, given);
  const right = prepared(handler, rules, given);
  const kinds = new Set([...left, ...right].map(({ kind }) => kind));
  const found = [...kinds].flatMap((kind) => {
    const [a, b] = [left, right].map((side) => side.filter((effect) => effect.kind === kind));
    return rules.ordered.has(kind) ? inOrder(a ?? [], b ?? []) : asMultisets(a ?? [], b ?? []);
  });
  const now = new Date();
  const used = new Set<string>();
  const differences = found.filter((difference) => {
    const rule = rules.expected.find((each) => each.expires > now && each.matches(difference));
    if (rule !== undefined) used.add(rule.name);
    return rule === undefined;
  });
  return { differences, usedRules: [...used] };
}

function prepared(
  observation: Observation,
  { normalise }: ComparisonRules,
  given: Given | undefined,
): readonly Effect[] {
  return observation.effects
    .map((effect) => normalise(effect))
    .filter((effect) => effect !== undefined)
    .map(masking(observation, given));
}

function inOrder(listener: readonly Effect[], handler: readonly Effect[]): readonly Difference[] {
  return Array.from({ length: Math.max(listener.length, handler.length) }).flatMap((_, place) =>
    between(listener[place], handler[place]),
  );
}

/** Equal ones meet first, then those of one name; the rest stands alone. */
function asMultisets(listener: readonly Effect[], handler: readonly Effect[]): readonly Difference[] {
  const right = [...handler];
  const unmatched = listener.filter((effect) => !takeOut(right, (other) => isDeepStrictEqual(effect, other)));
  const pairs = unmatched.map((effect) => ({
    effect,
    other: takeOut(right, (other) => effectName(other) === effectName(effect)),
  }));
  return [
    ...pairs.flatMap(({ effect, other }) => between(effect, other)),
    ...right.flatMap((other) => between(undefined, other)),
  ];
}

function takeOut(effects: Effect[], isWanted: (effect: Effect) => boolean): Effect | undefined {
  const place = effects.findIndex(isWanted);
  return place === -1 ? undefined : effects.splice(place, 1)[0];
}

function between(listener: Effect | undefined, handler: Effect | undefined): readonly Difference[] {
  if (listener === undefined && handler === undefined) return [];
  if (listener === undefined || handler === undefined) {
    const only = (listener ?? handler) as Effect;
    return [{ path: effectName(only), ...(listener && { listener }), ...(handler && { handler }) }];
  }
  if (effectName(listener) !== effectName(handler)) {
    return [{ path: `${effectName(listener)} in its place`, listener, handler }];
  }
  return fieldsBetween(bodyOf(listener), bodyOf(handler), effectName(listener));
}

function bodyOf(effect: Effect): unknown {
  switch (effect.kind) {
    case 'call':
    case 'broadcast':
      return effect.args;
    case 'event':
      return { stream: effect.stream, data: effect.data };
    case 'row':
      return { key: effect.key, values: effect.values };
    default:
      return { data: effect.data, options: effect.options };
  }
}

function fieldsBetween(listener: unknown, handler: unknown, path: string): readonly Difference[] {
  if (isDeepStrictEqual(listener, handler)) return [];
  if (!isTree(listener) || !isTree(handler) || Array.isArray(listener) !== Array.isArray(handler)) {
    return [{ path, listener, handler }];
  }
  const keys = new Set([...Object.keys(listener), ...Object.keys(handler)]);
  return [...keys].flatMap((key) =>
    fieldsBetween(Reflect.get(listener, key), Reflect.get(handler, key), `${path} › ${key}`),
  );
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
