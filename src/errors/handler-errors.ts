import { messageOf } from './argument-errors.js';
import { enrol, explain, HandoverError } from './handover-error.js';

/** What was subscribed cannot be a handler. */
export class InvalidHandler extends HandoverError {
  readonly code = 'invalid_handler';
  readonly handler: unknown;

  constructor(handler: unknown, problem: string, remedy: string) {
    super(problem, remedy);
    this.handler = handler;
  }
}

/** Two queued handlers have one name; their deliveries could not be told apart. */
export class DuplicateHandler extends HandoverError {
  readonly code = 'duplicate_handler';
  readonly handlerName: string;

  constructor(handlerName: string) {
    super(
      `A queued handler named "${handlerName}" is subscribed already.`,
      'Subscribe it once, or give the second one a name of its own.',
    );
    this.handlerName = handlerName;
  }
}

/** Handlers published to each other deeper than the limit. */
export class HandlersTooDeep extends HandoverError {
  readonly code = 'handlers_too_deep';
  /** Event types from the outermost publish to the refused one. */
  readonly chain: readonly string[];

  constructor(chain: readonly string[]) {
    super(
      `Handlers published events ${chain.length} levels deep: … → ${chain.slice(-4).join(' → ')}.`,
      'Find the handlers that publish to each other in a circle.',
    );
    this.chain = chain;
  }
}

/** A handler threw. `cause` is what it threw. */
export class HandlerFailed extends HandoverError {
  readonly code = 'handler_failed';
  readonly handlerName: string;
  readonly eventType: string;
  readonly eventId: string;

  constructor(
    handlerName: string,
    event: { type: string; id: string },
    cause: unknown,
    remedy = 'The event is stored and the other handlers ran. Mend the handler; see `cause`.',
  ) {
    super(`Handler ${handlerName} failed on ${event.type} ${event.id}: ${messageOf(cause)}`, remedy, cause);
    this.handlerName = handlerName;
    this.eventType = event.type;
    this.eventId = event.id;
  }
}

/**
 * Handlers failed after their events were stored. All others ran.
 *
 * `errors` holds one {@link HandlerFailed} for each failure, in the order of the handlers.
 */
export class HandlersFailed extends AggregateError {
  readonly code = 'handlers_failed';
  declare errors: HandlerFailed[];

  constructor(errors: readonly HandlerFailed[]) {
    super(
      errors,
      explain(
        `${errors.length} handler(s) failed: ${errors.map((each) => `${each.handlerName} on ${each.eventType}`).join(', ')}.`,
        'The events are stored; do not publish them again. `errors` holds each failure with its cause.',
      ),
    );
    this.name = 'HandlersFailed';
    enrol(this);
  }
}
