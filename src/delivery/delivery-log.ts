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
  /** Whether its deliveries wait for keys, and run in order within each. */
  readonly ordered: boolean;
}

/**
 * - `pending`: waits until it is due, or for an earlier event of its key.
 * - `queued`: handed to a scheduler.
 * - `running`: leased by a worker.
 * - `done`: handled; its database effects are committed.
 * - `dead`: given up, and kept until somebody retries or skips it.
 * - `skipped`: passed over by hand, with a reason.
 */
export type DeliveryState = 'pending' | 'queued' | 'running' | 'done' | 'dead' | 'skipped';

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
  /** True when it is handled again, or as history. */
  readonly replaying: boolean;
}

/** A delivery that waits at a scheduler, under a lease of its own. */
export interface HandedDelivery {
  readonly handler: string;
  readonly eventId: string;
  /** Holds until a worker takes the delivery, or its lease is over. */
  readonly token: string;
}

/** A delivery of an ordered handler whose key nobody has told yet. */
export interface UnkeyedDelivery {
  readonly handler: string;
  readonly event: EventRecord;
  /** Names the delivery towards `assignKeys`. */
  readonly place: string;
}

export interface KeyAssignment {
  readonly place: string;
  /** 255 characters at most; or why there is none: the delivery is dead of it. */
  readonly key: string | DeliveryError;
}

/** History handled again by one handler. */
export interface Replay {
  readonly id: number;
  readonly handler: string;
  /** Why, where somebody said it. */
  readonly reason: string | undefined;
  readonly startedAt: Date;
  /** How many events it is about. It falls by those that it finds pending or running when it comes to them. */
  readonly total: number;
  /** How many of them are handled, or passed over; also those that a later replay has made due again. */
  readonly done: number;
  /** How many are dead letters. */
  readonly dead: number;
}

export interface StartedReplay extends Replay {
  /** True when it was under way already: nothing was started, and what it has done is not done again. */
  readonly resumed: boolean;
}

/** What became of one event for one handler. Times are the database's. */
export interface DeliveryFate {
  readonly eventId: string;
  readonly handler: string;
  readonly state: DeliveryState;
  readonly attempt: number;
  /** When a pending delivery may run. */
  readonly dueAt: Date | undefined;
  /** Until when, and by whom, a queued or running one is leased. */
  readonly leasedUntil: Date | undefined;
  readonly worker: string | undefined;
  readonly finishedAt: Date | undefined;
  readonly firstError: DeliveryError | undefined;
  readonly lastError: DeliveryError | undefined;
  /** Why it was skipped. */
  readonly reason: string | undefined;
  /** Of an ordered handler, once told. */
  readonly key: string | undefined;
  /** The event whose end a pending one waits for: an earlier one of its key. */
  readonly waitsFor: string | undefined;
}

export interface ClaimRequest {
  /** Only of these handlers, and of each at most `limit`: a worker takes nothing it cannot run (hazards H13). */
  readonly handlers: readonly { readonly name: string; readonly limit: number }[];
  /** Over all handlers. */
  readonly limit: number;
  readonly worker: string;
  /** Milliseconds. */
  readonly leaseFor: number;
  /**
   * So many committed events are moved into the global order first, in the same transaction: what was published a moment
   * ago is leased with one commit less. None are where another process is at it; default 0. Listeners are woken for what
   * is not leased.
   */
  readonly sequencing?: number | undefined;
}

export interface HandOverRequest extends ClaimRequest {
  /** How many deliveries of one handler may wait at the scheduler at once. */
  readonly mostWaiting: number;
}

export interface ReplayRequest {
  readonly handler: string;
  /** Events behind this position; default: all. */
  readonly after?: bigint | undefined;
  readonly reason?: string | undefined;
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

  /** Resolves when every event that was committed before the call has its place in the global order, whoever gives it. */
  sequenceAll(): Promise<void>;

  /**
   * Leases due deliveries, oldest events first, and counts their attempts. Takes over what a dead worker held once its
   * lease is over; one whose attempts are used up by then is dead ("crash poison", hazards H10). Of an ordered handler
   * it leases the first unfinished one of a key at most.
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedDelivery[]>;

  /**
   * Leases due deliveries to a scheduler: like `claim`, without counting an attempt. What nobody has taken when the
   * lease is over is due again.
   */
  handOver(request: HandOverRequest): Promise<readonly HandedDelivery[]>;

  /** Turns the lease of a scheduler into that of a worker, and counts the attempt. Leaves out what no longer holds. */
  take(
    tokens: readonly string[],
    lease: Pick<ClaimRequest, 'worker' | 'leaseFor'>,
  ): Promise<readonly ClaimedDelivery[]>;

  /** What waits at a scheduler with less than `within` milliseconds left of its lease, soonest first. */
  handedOver(
    handlers: readonly string[],
    wish: { readonly within: number; readonly limit: number },
  ): Promise<readonly HandedDelivery[]>;

  /** For each of these handlers the oldest deliveries without a key, which can be told in this order only. */
  unkeyed(handlers: readonly string[], limit: number): Promise<readonly UnkeyedDelivery[]>;

  /**
   * Tells keys, in the order of `unkeyed`. The first unfinished delivery of a key is due, the others wait for it to be
   * done or skipped. Leaves out what has its key already.
   */
  assignKeys(assignments: readonly KeyAssignment[]): Promise<void>;

  /**
   * Makes the events of a handler's types due again, or for the first time, up to where the global order ends now; of a
   * long history in steps, whenever somebody sequences. What is pending or running at this moment is left as it is and
   * handled once. Of an ordered handler it takes its turn again, after the history before it; a lease on it holds no
   * more. A replay that is under way is gone on with instead.
   *
   * Within an open transaction it commits or vanishes with it.
   *
   * @returns The replay as it stands; `undefined` when no handler of this name is registered.
   */
  startReplay(request: ReplayRequest): Promise<StartedReplay | undefined>;

  /** Newest first, of one handler where given. */
  replays(handler?: string): Promise<readonly Replay[]>;

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

  /** Gives leases of workers and schedulers back: due at once, the attempt not counted. */
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
