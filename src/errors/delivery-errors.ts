import { HandoverError } from './handover-error.js';

/** A queued handler ran longer than its `timeout`. Its attempt has failed; what it still does is rolled back. */
export class HandlerTimedOut extends HandoverError {
  readonly code = 'handler_timed_out';
  readonly handlerName: string;
  readonly eventId: string;
  /** Milliseconds. */
  readonly timeout: number;

  constructor(handlerName: string, eventId: string, timeout: number) {
    super(
      `Handler ${handlerName} was still busy with ${eventId} after ${timeout} ms.`,
      'Stop when `context.signal` aborts, do less in one delivery, or raise `timeout`.',
    );
    this.handlerName = handlerName;
    this.eventId = eventId;
    this.timeout = timeout;
  }
}

/** A worker lost the lease of a delivery while its handler ran. Another worker has it, or will. */
export class DeliveryLost extends HandoverError {
  readonly code = 'delivery_lost';
  readonly handlerName: string;
  readonly eventId: string;

  constructor(handlerName: string, eventId: string) {
    super(
      `The delivery of ${eventId} to ${handlerName} is no longer this worker's; its database effects are rolled back.`,
      'Nothing is lost. When it happens often, raise `leaseFor`, or block the event loop for shorter times.',
    );
    this.handlerName = handlerName;
    this.eventId = eventId;
  }
}

/** The worker stops; the delivery goes back and counts no attempt. */
export class WorkerStopped extends HandoverError {
  readonly code = 'worker_stopped';

  constructor() {
    super(
      'The worker was stopped, and its `grace` is over.',
      'Another worker takes the delivery. Stop soon when `context.signal` aborts.',
    );
  }
}

/** A queued handler was given an event that the code deployed here does not know for it. */
export class UnexpectedEventType extends HandoverError {
  readonly code = 'unexpected_event_type';
  readonly handlerName: string;
  readonly eventType: string;

  constructor(handlerName: string, eventType: string) {
    super(
      `Handler ${handlerName} has no class for the event type "${eventType}" in this process.`,
      'Deploy the code that handles it, then `store.deadLetters.retry({ handler })`; or skip it with a reason.',
    );
    this.handlerName = handlerName;
    this.eventType = eventType;
  }
}
