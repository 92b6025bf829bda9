import { InvalidArgument } from '../../errors/argument-errors.js';
import { HandlerFailed } from '../../errors/handler-errors.js';
import type { Event } from '../../events/event.js';
import type { EventRecord } from '../../log/event-log.js';
import type { DeliveryLog, KeyAssignment, UnkeyedDelivery } from '../delivery-log.js';
import { toDeliveryError } from '../failure-text.js';
import type { QueuedSubscription } from '../subscription.js';

/** Reads an event as the handler gets it. @throws {UnexpectedEventType} {UpcastFailed} */
export type Revive = (handler: QueuedSubscription, event: EventRecord) => Event;

export interface KeysParts {
  readonly deliveries: Pick<DeliveryLog, 'unkeyed' | 'assignKeys'>;
  readonly handlers: () => readonly QueuedSubscription[];
  readonly revive: Revive;
  readonly report: (error: unknown) => void;
}

const batch = 500;
/** Of one call, so that a long history does not keep deliveries waiting that have their keys. */
const maxBatches = 4;
const longestKey = 255;

const buried =
  'It is a dead letter: see `store.deadLetters`. Mend `orderedBy`, then retry it; or skip it with a reason.';

/** Tells the log the keys of ordered handlers: only a process that has a handler's code can. */
export class Keys {
  readonly #parts: KeysParts;

  constructor(parts: KeysParts) {
    this.#parts = parts;
  }

  /** @returns Whether it told any: those may be due now. */
  async assign(): Promise<boolean> {
    const ordered = this.#parts.handlers().filter(({ queued }) => queued.orderedBy !== undefined);
    if (ordered.length === 0) return false;
    const names = ordered.map(({ name }) => name);
    for (let round = 0; round < maxBatches; round += 1) {
      const unkeyed = await this.#parts.deliveries.unkeyed(names, batch);
      if (unkeyed.length === 0) return round > 0;
      await this.#parts.deliveries.assignKeys(unkeyed.map((each) => this.#assignment(ordered, each)));
      if (unkeyed.length < batch) break;
    }
    return true;
  }

  #assignment(
    ordered: readonly QueuedSubscription[],
    { handler: name, event, place }: UnkeyedDelivery,
  ): KeyAssignment {
    const handler = ordered.find((each) => each.name === name);
    try {
      if (handler === undefined) throw new Error(`No handler ${name} is here.`);
      return { place, key: keyFrom(handler.queued.orderedBy?.(this.#parts.revive(handler, event))) };
    } catch (error) {
      this.#parts.report(new HandlerFailed(name, event, error, buried));
      return { place, key: toDeliveryError(error) };
    }
  }
}

/** @throws {InvalidArgument} */
function keyFrom(value: unknown): string {
  const isNumber = typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value));
  const key = isNumber ? String(value) : value;
  const isKey = typeof key === 'string' && key.length >= 1 && key.length <= longestKey;
  if (isKey && key.isWellFormed() && !key.includes('\0')) return key;
  throw new InvalidArgument(
    'orderedBy',
    `a function that gives a number, or text of 1 to ${longestKey} characters`,
    value,
  );
}
