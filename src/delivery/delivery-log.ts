import type { EventRecord } from '../log/event-log.js';

/** A queued handler as the log knows it: durable, so that publishers that never loaded it create its deliveries. */
export interface HandlerRegistration {
  /** Stable and explicit: deliveries belong to it across deployments. */
  readonly name: string;
  /** Event types; `undefined`: all. */
  readonly types: readonly string[] | undefined;
  /** Where a new handler starts. A known one goes on where it is, whatever this says. */
  readonly from: 'now' | 'beginning';
  /** How often one delivery may be tried, from 1. */
  readonly attempts: number;
}

/**
 * - `pending`: waits until it is due.
 * - `running`: leased by a worker.
 * - `done`: handled; its database effects are committed.
 * - `dead`: given up, and kept until somebody retries or skips it.
 * - `skipped`: passed over by hand, with a reason.
 */
export type DeliveryState = 'pending' | 'running' | 'done' | 'dead' | 'skipped';

/** A failure as it is kept: cut, and without anything that is no text. */
export interface DeliveryError {
  readonly name: string;
  /** 8 192 characters at most. */
  readonly message: string;
  /** 8 192 characters at most; `undefined` where there is none. */
  readonly stack: string | undefined;
}

/** One event for one queued handler, leased to a worker. */
export interface ClaimedDelivery {
  readonly handler: string;
  readonly event: EventRecord;
  /** This run's number, counted before it runs; 1 for the first. */
  readonly attempt: number;
  /** Proves that the worker still holds the lease (hazards H8): who has it no more can neither complete nor fail. */
  readonly token: string;
}

/** What became of one event for one handler. Times are the database's. */
export interface DeliveryFate {
  readonly eventId: string;
  readonly handler: string;
  readonly state: DeliveryState;
  readonly attempt: number;
  /** When a pending delivery may run. */
  readonly dueAt: Date | undefined;
  /** Until when, and by whom, a running one is leased. */
  readonly leasedUntil: Date | undefined;
  readonly worker: string | undefined;
  readonly finishedAt: Date | undefined;
  readonly firstError: DeliveryError | undefined;
  readonly lastError: DeliveryError | undefined;
  /** Why it was skipped. */
  readonly reason: string | undefined;
}

export interface ClaimRequest {
  /** Only of these handlers, and of each at most `limit`: a worker takes nothing it cannot run (hazards H13). */
  readonly handlers: readonly { readonly name: string; readonly limit: number }[];
  /** Over all handlers. */
  readonly limit: number;
  readonly worker: string;
  /** Milliseconds. */
  readonly leaseFor: number;
}

export interface FailureReport {
  readonly token: string;
  readonly error: DeliveryError;
  readonly next:
    | { readonly kind: 'retry'; readonly inMs: number }
    /** Not the handler's fault, such as a deadlock: does not count as an attempt. */
    | { readonly kind: 'retry-uncounted'; readonly inMs: number }
    | { readonly kind: 'dead' };
}

export interface DeadLetterQuery {
  readonly handler?: string | undefined;
  readonly eventId?: string | undefined;
  readonly limit: number;
}

/** Which deliveries a retry or skip means. */
export interface DeadLetterTarget {
  readonly handler?: string | undefined;
  readonly eventId?: string | undefined;
}

/**
 * The truth about queued deliveries. Everything that wakes workers up may lose everything it knows; this may not.
 *
 * All due times, leases and times of finishing are read from the database's clock (hazards H12).
 */
export interface DeliveryLog {
  /**
   * Makes handlers known, or updates their types and attempts. A new one gets the events sequenced from here on;
   * from the beginning, also all that are sequenced already. Idempotent, and safe from many starters at once.
   */
  register(handlers: readonly HandlerRegistration[]): Promise<void>;

  /**
   * Moves committed events into the global order and, in the same transaction, creates one pending delivery for each
   * registered handler of their type, due at once. Wakes listeners when it created any.
   *
   * @returns How many events it moved; 0 also when another process is at it.
   */
  sequence(): Promise<number>;

  /**
   * Leases due deliveries, oldest events first, and counts their attempts. Takes over what a dead worker held once its
   * lease is over; one whose attempts are used up by then is dead ("crash poison", hazards H10).
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedDelivery[]>;

  /**
   * Marks deliveries done. Within an open transaction the mark commits or vanishes with it.
   *
   * @returns The tokens that no longer held; nothing was marked for those.
   */
  complete(tokens: readonly string[]): Promise<readonly string[]>;

  /** Schedules the next attempt, or gives up. @returns The tokens that no longer held. */
  fail(failures: readonly FailureReport[]): Promise<readonly string[]>;

  /** Extends leases. @returns The tokens that no longer held. */
  renew(tokens: readonly string[], leaseFor: number): Promise<readonly string[]>;

  /** Gives leases back at shutdown: due at once, the attempt not counted. */
  release(tokens: readonly string[]): Promise<void>;

  /** When the next delivery of these handlers falls due, in milliseconds from now; `undefined` when none waits. */
  nextDueIn(handlers: readonly string[]): Promise<number | undefined>;

  /** Newest first. */
  deadLetters(query: DeadLetterQuery): Promise<readonly DeliveryFate[]>;

  /** Makes dead deliveries due at once, with all their attempts. @returns How many. */
  retry(target: DeadLetterTarget): Promise<number>;

  /** Passes dead deliveries over for good. The reason is kept with each. @returns How many. */
  skip(target: DeadLetterTarget, reason: string): Promise<number>;

  /** What became of one event, for each handler that has a delivery of it, by name. */
  fatesOf(eventId: string): Promise<readonly DeliveryFate[]>;

  /** Every handler ever registered, by name. */
  registrations(): Promise<readonly HandlerRegistration[]>;

  /**
   * Calls `wake` when a sequencer anywhere has created deliveries. Misses nothing that polling would not find; a lost
   * connection is opened again. Where the log cannot listen it never calls.
   *
   * @returns What ends the listening.
   */
  listen(wake: () => void): Promise<() => Promise<void>>;
}
