import { InvalidArgument } from '../errors/argument-errors.js';
import type { Event } from '../events/event.js';
import { InvalidHandler } from '../errors/handler-errors.js';
import { defaultBackoff, type Backoff } from './retry-policy.js';

/** Options of handlers with `run: 'queued'`. */
// oxlint-disable-next-line typescript/no-explicit-any -- a handler of any event fits
export interface QueuedOptions<E extends Event = any> {
  /** How often one delivery is tried before it is a dead letter; default 10. */
  readonly attempts?: number | undefined;
  /**
   * Milliseconds before the second attempt; they double with each further one, up to an hour, and a random part of
   * them is waited. Default 1 000. `{ base, cap }` sets another limit.
   */
  readonly backoff?: number | Partial<Backoff> | undefined;
  /** Milliseconds until an attempt has failed; default 15 minutes. */
  readonly timeout?: number | undefined;
  /** How many deliveries of this handler one worker runs at once. Default: as many as the worker runs at all. */
  readonly concurrency?: number | undefined;
  /** Where a handler that the log has never seen begins; default `'now'`. A known one goes on where it is. */
  readonly from?: 'now' | 'beginning' | undefined;
  /**
   * - `'database'`, the default: each delivery runs in a transaction of its own, and what it writes there happens once.
   * - `'external'`: without a transaction, for handlers that call other services.
   */
  readonly effects?: 'database' | 'external' | undefined;
  /**
   * The key within which events are handled strictly one after the other, in their global order: text, or a number.
   * A delivery that fails stops its key until it succeeds, or somebody skips it, and no other key. Default: no order.
   */
  readonly orderedBy?: ((event: E) => string | number | bigint) | undefined;
  /** The queue of the scheduler; letters, digits, `_`, `.` and `-`. Default: that of the scheduler. */
  readonly queue?: string | undefined;
  /** Within its queue, where a scheduler orders it: 1 goes first, up to 2 097 152. Default: before any. */
  readonly priority?: number | undefined;
  /**
   * - `'reaction'`, the default: handling an event again would repeat what it did, such as a mail. Replayed by force only.
   * - `'projection'`: it only writes rows that history makes anew. It may be replayed, and publishes nothing meanwhile.
   */
  readonly kind?: 'reaction' | 'projection' | undefined;
}

export interface QueuedSettings {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly timeout: number;
  readonly concurrency: number | undefined;
  readonly from: 'now' | 'beginning';
  readonly effects: 'database' | 'external';
  readonly orderedBy: ((event: Event) => unknown) | undefined;
  readonly queue: string | undefined;
  readonly priority: number | undefined;
  readonly kind: 'reaction' | 'projection';
}

/** As far as a timer reaches: 24 days. */
export const longestTimer = 2_147_483_647;

const fifteenMinutes = 900_000;
const lowestPriority = 2_097_152;

/** What options of any handler may be called beside `to`, `run` and `name`. */
export const queuedOptionNames: readonly string[] = [
  'attempts',
  'backoff',
  'timeout',
  'concurrency',
  'from',
  'effects',
  'orderedBy',
  'queue',
  'priority',
  'kind',
];
const queueName = /^[a-z][a-z0-9_.-]{0,99}$/i;
const stableName = /^[a-z][a-z0-9_.:/-]{0,199}$/i;

/** @throws {InvalidHandler} It has no name of its own. @throws {InvalidArgument} */
export function queuedSettings(
  handler: unknown,
  options: QueuedOptions & { readonly name?: unknown },
): QueuedSettings {
  checkStableName(handler, options.name);
  const {
    attempts = 10,
    timeout = fifteenMinutes,
    concurrency,
    from = 'now',
    effects = 'database',
    orderedBy,
    queue,
    priority,
    kind = 'reaction',
  } = options;
  return {
    attempts: wholeNumber('attempts', attempts, 1, 1_000),
    backoff: backoffFrom(options.backoff),
    timeout: wholeNumber('timeout', timeout, 1, longestTimer),
    concurrency: concurrency === undefined ? undefined : wholeNumber('concurrency', concurrency, 1, 10_000),
    from: oneOf('from', from, ['now', 'beginning']),
    effects: oneOf('effects', effects, ['database', 'external']),
    orderedBy: checkOrder(orderedBy),
    queue: queue === undefined ? undefined : checkQueueName('queue', queue),
    priority: priority === undefined ? undefined : wholeNumber('priority', priority, 1, lowestPriority),
    kind: oneOf('kind', kind, ['reaction', 'projection']),
  };
}

/** An option that nobody heeds would promise what does not happen. @throws {InvalidArgument} */
export function refuseQueuedOptions(options: object): void {
  for (const key of queuedOptionNames) {
    const value: unknown = Reflect.get(options, key);
    if (value === undefined) continue;
    throw new InvalidArgument(key, 'left out', value, "It is for queued handlers: add `run: 'queued'`.");
  }
}

export function wholeNumber(argument: string, value: unknown, from: number, to: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= from && value <= to) return value;
  throw new InvalidArgument(argument, `a whole number from ${from} to ${to}`, value);
}

/** As every scheduler takes it. @throws {InvalidArgument} */
export function checkQueueName(argument: string, value: unknown): string {
  if (typeof value === 'string' && queueName.test(value)) return value;
  throw new InvalidArgument(
    argument,
    'a letter, then letters, digits, `_`, `.` or `-`, 100 characters at most',
    value,
  );
}

function checkOrder(orderedBy: unknown): ((event: Event) => unknown) | undefined {
  if (orderedBy === undefined) return undefined;
  if (typeof orderedBy === 'function') return (event) => orderedBy(event) as unknown;
  throw new InvalidArgument(
    'orderedBy',
    'a function from an event to a key',
    orderedBy,
    'Write `orderedBy: (event) => event.data.orderId`.',
  );
}

function checkStableName(handler: unknown, name: unknown): void {
  if (name === undefined) {
    throw new InvalidHandler(
      handler,
      'A queued handler needs a name of its own: class and function names change, and its deliveries outlive them.',
      "Say `{ run: 'queued', name: 'billing.invoice' }`, and never change it.",
    );
  }
  if (typeof name === 'string' && stableName.test(name)) return;
  throw new InvalidArgument(
    'name',
    'a letter, then letters, digits, `_`, `.`, `:`, `/` or `-`, 200 characters at most',
    name,
  );
}

function backoffFrom(backoff: unknown = {}): Backoff {
  if (typeof backoff === 'number') {
    const base = wholeNumber('backoff', backoff, 0, longestTimer);
    return { base, cap: Math.max(base, defaultBackoff.cap) };
  }
  if (typeof backoff !== 'object' || backoff === null) {
    throw new InvalidArgument('backoff', 'milliseconds or `{ base, cap }`', backoff);
  }
  const { base = defaultBackoff.base, cap = defaultBackoff.cap } = backoff as Partial<Backoff>;
  return {
    base: wholeNumber('backoff.base', base, 0, longestTimer),
    cap: wholeNumber('backoff.cap', cap, 0, longestTimer),
  };
}

function oneOf<const T extends string>(argument: string, value: unknown, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw new InvalidArgument(argument, known.map((each) => `'${each}'`).join(' or '), value);
}
