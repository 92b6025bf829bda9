import { outsideScopes } from '../effects/effect-scope.js';
import { isCallHeldBack } from '../effects/held-back.js';
import { InvalidArgument } from '../errors/argument-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import type { DeadLetterTarget, DeliveryFate, DeliveryLog } from './delivery-log.js';
import { wholeNumber } from './queued-options.js';

const longestReason = 8_192;
const targetKeys = ['handler', 'eventId'];
const queryKeys = [...targetKeys, 'limit'];

/** Deliveries that were given up. They are kept until somebody retries or skips them. */
export class DeadLetters {
  readonly #log: Pick<DeliveryLog, 'deadLetters' | 'retry' | 'skip'>;
  readonly #wake: () => void;

  constructor(log: Pick<DeliveryLog, 'deadLetters' | 'retry' | 'skip'>, wake: () => void) {
    this.#log = log;
    this.#wake = wake;
  }

  /** Newest first; 100 unless `limit` says otherwise. @throws {InvalidArgument} */
  async list(
    query: DeadLetterTarget & { readonly limit?: number | undefined } = {},
  ): Promise<readonly DeliveryFate[]> {
    const { handler, eventId } = checkTarget(query, queryKeys);
    const limit = wholeNumber('limit', query.limit ?? 100, 1, 10_000);
    return this.#log.deadLetters({ handler, eventId, limit });
  }

  /**
   * Makes the dead letters of a handler, of an event, or of both due at once, with all their attempts.
   *
   * @returns How many. @throws {InvalidArgument} The target names neither.
   */
  async retry(target: DeadLetterTarget): Promise<number> {
    const checked = checkNamed(target);
    if (isCallHeldBack('dead letters', 'retry', [checked])) return 0;
    const count = await outsideScopes(() => this.#log.retry(checked));
    if (count > 0) this.#wake();
    return count;
  }

  /**
   * Passes dead letters over for good. `store.why()` tells the reason.
   *
   * @returns How many. @throws {InvalidArgument} The target names neither handler nor event, or there is no reason.
   */
  async skip(target: DeadLetterTarget, reason: string): Promise<number> {
    const checked = checkNamed(target);
    const why = checkReason(reason);
    if (isCallHeldBack('dead letters', 'skip', [checked, why])) return 0;
    const count = await outsideScopes(() => this.#log.skip(checked, why));
    if (count > 0) this.#wake();
    return count;
  }
}

function checkTarget(target: unknown, known: readonly string[]): DeadLetterTarget {
  checkKnownOptions(target, known, "`{ handler: 'billing.invoice' }`");
  const { handler, eventId } = target as DeadLetterTarget;
  return { handler: checkText('handler', handler), eventId: checkText('eventId', eventId) };
}

/** Nobody means all dead letters of all handlers by leaving something out. */
function checkNamed(target: unknown): DeadLetterTarget {
  const checked = checkTarget(target, targetKeys);
  if (checked.handler !== undefined || checked.eventId !== undefined) return checked;
  throw new InvalidArgument(
    'target',
    'one that names a handler or an event',
    target,
    'Pass `handler`, `eventId` or both.',
  );
}

function checkText(argument: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && isText(value)) return value;
  throw new InvalidArgument(argument, 'a name or id', value);
}

/** @throws {InvalidArgument} */
export function checkReason(
  reason: unknown,
  remedy = 'Say why these events need not be handled; it is kept.',
): string {
  if (
    typeof reason === 'string' &&
    reason.trim() !== '' &&
    reason.length <= longestReason &&
    isText(reason)
  ) {
    return reason;
  }
  throw new InvalidArgument('reason', `text of 1 to ${longestReason} characters`, reason, remedy);
}

function isText(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0');
}
