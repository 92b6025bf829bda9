import {
  checkKnownOptions,
  InvalidArgument,
  isEventClass,
  type Effect,
  type EventClass,
} from '../../src/index.js';
import type { ComparisonRules, ExpectedDifference } from './comparison.js';
import type { Flags } from './flag-stages.js';
import { gateDefaults, type GateOptions, type GateSettings } from './gate.js';
import { Masks } from './masks.js';
import { answering } from './expecting.js';
import { onCopies } from './normalising.js';
import { Redaction } from './redaction.js';
import { Sealing } from './sealing.js';
import { isStage, type Stage, type Standing } from './stage.js';

export interface PairOptions {
  /** The event that both sides are for: that of the broadcast in `bus.connect`. */
  readonly event: EventClass;
  /** The listener as it is subscribed to the bus, and its method. */
  readonly listener: readonly [listener: object, method: string];
  /** What replaces it: a function, class or factory, after the commit or queued, as `store.subscribe` takes it. */
  readonly handler: unknown;
  /** Options of `store.subscribe` for the handler, where it does not declare them itself. */
  readonly subscribe?: object | undefined;
  /** Where the pair stands until its ledger says otherwise; default `'legacy'`. */
  readonly stage?: Stage | undefined;
  /** In `live`, of which part of the streams the handler performs, 0 to 100; default 1. */
  readonly percent?: number | undefined;
  /** Part of the events that is compared, 0 to 1, and at least three of each payload shape; default 1. */
  readonly sample?: number | undefined;
  /** Milliseconds that the side which is only captured may take; default 5 000. */
  readonly budget?: number | undefined;
  /**
   * Kinds of effects that are compared in their order; default: none, they are compared as multisets. Changes of one and
   * the same row always meet in their order.
   */
  readonly ordered?: readonly Effect['kind'][] | undefined;
  /**
   * Changes an effect before it is compared; `undefined` leaves it out. It gets a copy, and what it gives is read as JSON
   * sees it; one that throws leaves an `untrusted` verdict. Times and ids made during the run are masked by themselves.
   */
  readonly normalise?: ((effect: Effect) => Effect | undefined) | undefined;
  /**
   * Fields that are taken out of both sides before they are compared: paths as the report prints differences, such as
   * `mails.send › 0 › nonce`, with `*` for any one part of the path. A mask hides no effect too few or too many, no
   * error and no escape; one that never matched is reported.
   */
  readonly masks?: readonly string[] | undefined;
  /**
   * With how many events the listener is compared with itself, to learn which fields differ by themselves; default 0.
   * In `record`, and in `shadow` while there are fewer, it runs a second time, captured. It is off by default because
   * that changes twice what the listener keeps in memory, such as a counter or a cache.
   */
  readonly noise?: number | undefined;
  /** Differences that are right, each with a reason and a day on which it expires. */
  readonly expected?: readonly ExpectedDifference[] | undefined;
  /** Names of fields that are kept out of what is stored of comparisons, beside the usual secrets. */
  readonly redact?: readonly string[] | undefined;
  /**
   * Text of 16 characters or more that the processes of the pair share and the store does not know, such as from the
   * environment. With it, redacted fields of a listener are compared with those of a handler in another process by a
   * keyed digest (HMAC-SHA-256); without it, such verdicts are `untrusted`.
   */
  readonly redactKey?: string | undefined;
  readonly gate?: GateOptions | undefined;
  /** Where the stage comes from in place of `promote` and `demote`, such as `openFeatureFlags(client)`. */
  readonly flags?: Flags | undefined;
  /** Name of the flag; default `handover.` and the name of the pair. */
  readonly flag?: string | undefined;
}

export interface PairSettings {
  readonly name: string;
  readonly event: EventClass;
  readonly listener: object;
  readonly method: string;
  readonly handler: unknown;
  readonly subscribe: object;
  readonly start: Standing;
  readonly sample: number;
  readonly budget: number;
  readonly rules: ComparisonRules;
  readonly noise: number;
  readonly redaction: Redaction;
  readonly gate: GateSettings;
  readonly flags: Flags | undefined;
  readonly flag: string;
}

const optionNames = [
  'event',
  'listener',
  'handler',
  'subscribe',
  'stage',
  'percent',
  'sample',
  'budget',
  'ordered',
  'normalise',
  'masks',
  'noise',
  'expected',
  'redact',
  'redactKey',
  'gate',
  'flags',
  'flag',
];
const pairName = /^[a-z][a-z0-9_.-]{0,99}$/i;
const kinds = ['call', 'event', 'broadcast', 'row', 'job'];
const example =
  "`bus.pair('receipts', { event: OrderPaid, listener: [mailer, 'order_paid'], handler: SendReceipt })`";

/** @throws {InvalidArgument} */
export function pairSettings(name: unknown, options: unknown): PairSettings {
  if (typeof name !== 'string' || !pairName.test(name)) {
    throw new InvalidArgument('name', 'a letter, then letters, digits, `_`, `.` or `-`, at most 100', name);
  }
  checkKnownOptions(options, optionNames, example);
  const given = options as PairOptions;
  if (!isEventClass(given.event)) throw new InvalidArgument('event', 'an event class', given.event);
  const [listener, method] = checkListener(given.listener);
  if (given.handler === undefined)
    throw new InvalidArgument('handler', 'a handler', undefined, `Write ${example}.`);
  const { stage = 'legacy' } = given;
  if (!isStage(stage)) throw new InvalidArgument('stage', "a stage such as 'shadow'", stage);
  const redaction = new Redaction(new Set(given.redact));
  return {
    name,
    event: given.event,
    listener,
    method,
    handler: given.handler,
    subscribe: given.subscribe ?? {},
    start: { stage, percent: stage === 'live' ? between('percent', given.percent ?? 1, 0, 100) : 100 },
    sample: between('sample', given.sample ?? 1, 0, 1),
    budget: between('budget', given.budget ?? 5_000, 1, 600_000),
    rules: {
      ordered: new Set(checkKinds(given.ordered ?? [])),
      normalise: given.normalise === undefined ? (effect) => effect : onCopies(given.normalise),
      masks: new Masks(given.masks),
      expected: (given.expected ?? []).map((each) => checkRule(each)),
      sealing: new Sealing(redaction, checkKey(given.redactKey)),
    },
    noise: wholeNumber('noise', given.noise ?? 0),
    redaction,
    gate: gateSettings(given.gate),
    flags: checkFlags(given.flags),
    flag: given.flag ?? `handover.${name}`,
  };
}

function checkListener(value: unknown): readonly [object, string] {
  const [listener, method]: readonly unknown[] = Array.isArray(value) ? value : [];
  const isObject = (typeof listener === 'object' && listener !== null) || typeof listener === 'function';
  if (isObject && typeof method === 'string' && method !== '') return [listener, method];
  throw new InvalidArgument(
    'listener',
    'the subscribed listener and the name of its method',
    value,
    "Write `listener: [mailer, 'order_paid']`.",
  );
}

function checkFlags(flags: unknown): Flags | undefined {
  if (flags === undefined) return undefined;
  if (typeof flags === 'object' && flags !== null && typeof Reflect.get(flags, 'textOf') === 'function') {
    return flags as Flags;
  }
  throw new InvalidArgument(
    'flags',
    'an object with `textOf(flag, targetingKey)`',
    flags,
    'Pass `openFeatureFlags(client)`.',
  );
}

function checkKinds(value: readonly Effect['kind'][]): readonly Effect['kind'][] {
  const unknown = value.find((kind) => !kinds.includes(kind));
  if (unknown === undefined) return value;
  throw new InvalidArgument('ordered', `kinds of effects: ${kinds.join(', ')}`, unknown);
}

function checkRule(rule: ExpectedDifference): ExpectedDifference {
  const { name, reason, expires, matches } = rule;
  const isWhole =
    [name, reason].every((text) => typeof text === 'string' && text !== '') &&
    expires instanceof Date &&
    typeof matches === 'function';
  if (isWhole && !Number.isNaN(expires.getTime())) return answering(rule);
  throw new InvalidArgument('expected', 'rules with `name`, `reason`, `expires` and `matches`', rule);
}

function gateSettings(options: GateOptions = {}): GateSettings {
  checkKnownOptions(options, Object.keys(gateDefaults), '`{ runs: 300, days: 3 }`');
  const pick = (key: keyof GateSettings) =>
    between(`gate.${key}`, options[key] ?? gateDefaults[key], 0, Number.MAX_SAFE_INTEGER);
  return { runs: pick('runs'), days: pick('days'), perShape: pick('perShape'), slowdown: pick('slowdown') };
}

function checkKey(key: unknown): string | undefined {
  if (key === undefined || (typeof key === 'string' && key.length >= 16)) return key;
  // Not the value: a key that is too short is a secret all the same.
  throw new InvalidArgument(
    'redactKey',
    'text of 16 characters or more',
    typeof key === 'string' ? 'less' : typeof key,
  );
}

function wholeNumber(argument: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgument(argument, 'a whole number from 0', value);
}

function between(argument: string, value: unknown, from: number, to: number): number {
  if (typeof value === 'number' && value >= from && value <= to) return value;
  throw new InvalidArgument(argument, `a number from ${from} to ${to}`, value);
}
