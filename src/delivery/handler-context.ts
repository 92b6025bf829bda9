/** What a handler gets beside its event. */
export interface HandlerContext {
  /** Aborted when the handler shall stop: time-out or shutdown. */
  readonly signal: AbortSignal;
  /** 1 for the first run. */
  readonly attempt: number;
  /** True when history is handled again. */
  readonly replaying: boolean;
  /** The same for every attempt at this event by this handler: give it to services that know idempotency keys. */
  readonly idempotencyKey: string;
  /** The queued delivery; `undefined` for handlers that are not queued. */
  readonly delivery: Delivery | undefined;
}

export interface Delivery {
  readonly eventId: string;
  readonly handler: string;
}

const neverAborted = new AbortController().signal;

/** Context of a handler that runs once, in the publishing process. */
export function inProcessContext(handlerName: string, eventId: string): HandlerContext {
  return {
    signal: neverAborted,
    attempt: 1,
    replaying: false,
    idempotencyKey: `${eventId}:${handlerName}`,
    delivery: undefined,
  };
}
