import type { DeliveryLog, HandedDelivery } from '../delivery-log.js';
import type { DeliveryJob, JobOutcome, Scheduler, SchedulerHost, SchedulerSession } from '../scheduler.js';
import type { QueuedSubscription } from '../subscription.js';
import { Arrivals } from './arrivals.js';
import type { Intake } from './intake.js';
import { fromRoot } from './root-context.js';
import type { Runs } from './runs.js';
import { fewEvents } from './sequencing.js';
import type { ArrivedJob } from './takes.js';
import { Upkeep } from './upkeep.js';

export interface HandingOverParts {
  readonly scheduler: Scheduler;
  readonly publish: SchedulerHost['publish'];
  readonly deliveries: DeliveryLog;
  /** Those to run here, at this moment. */
  readonly handlers: () => readonly QueuedSubscription[];
  readonly runs: Runs;
  /** Makes the worker look again. */
  readonly wake: () => void;
  readonly report: (error: unknown) => void;
  readonly worker: string;
  readonly leaseFor: number;
  readonly concurrency: number;
}

/** Of one round. */
const batch = 500;
/** Of one handler, at the scheduler: enough to keep many processes busy, few enough to be looked after. */
const mostWaiting = 500;
/** So many runs make room at the scheduler for a further round. */
const refill = 50;
const aYear = 365 * 24 * 3_600_000;
/** Milliseconds between two looks for whoever waits until all is done: others may run what is left. */
const glance = 25;

/** Hands deliveries over to a scheduler, which brings them to this process or another one, and runs what it brings. */
export class HandingOver implements Intake {
  readonly #parts: HandingOverParts;
  readonly #arrivals: Arrivals;
  readonly #session: Promise<SchedulerSession>;
  readonly #upkeep: Promise<Upkeep>;
  /** More is due than may wait at the scheduler. */
  #blocked = false;
  /** Runs, since the worker began; and when it looked for more the last time. */
  #ended = 0;
  #endedBefore = 0;
  #paused = false;

  constructor(parts: HandingOverParts) {
    this.#parts = parts;
    this.#arrivals = new Arrivals(parts);
    this.#session = fromRoot(() => parts.scheduler.start(this.#host()));
    this.#upkeep = this.#session.then((session) => this.#keepUp(session));
    this.#upkeep.catch(() => {});
  }

  async ready(): Promise<void> {
    await this.#session;
  }

  async take(): Promise<number> {
    const session = await this.#session;
    const handlers = this.#parts.handlers();
    if (this.#paused) return 0;
    session.consume(new Set(handlers.map(({ queued }) => queued.queue)));
    if (!session.isReachable) return 0;
    const bounded = Map.groupBy(handlers, ({ queued }) =>
      Math.min(queued.concurrency ?? mostWaiting, mostWaiting),
    );
    const handed: HandedDelivery[] = [];
    for (const [most, group] of bounded) handed.push(...(await this.#handOver(group, most)));
    if (handed.length >= batch) this.#parts.wake();
    if (handed.length > 0) await this.#add(session, handed);
    return handed.length;
  }

  async dueIn(): Promise<number | undefined> {
    const { deliveries, handlers } = this.#parts;
    const due = await deliveries.nextDueIn(handlers().map(({ name }) => name));
    this.#blocked = due !== undefined && due <= 0;
    return this.#blocked ? undefined : due;
  }

  async isQuiet(): Promise<boolean> {
    const { isReachable } = await this.#session;
    const ended = this.#ended;
    const isQuiet =
      isReachable &&
      (await this.#hasNothingWaiting()) &&
      ((await this.dueIn()) ?? Infinity) > 0 &&
      !this.#blocked &&
      // What was due a moment ago may have been handed over by another process.
      (await this.#hasNothingWaiting()) &&
      this.#arrivals.size === 0 &&
      this.#ended === ended;
    if (!isQuiet) setTimeout(this.#parts.wake, glance).unref();
    return isQuiet;
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await Promise.all([
      this.#arrivals.pause(),
      this.#session.then((session) => session.pause()),
      this.#upkeep.then((upkeep) => upkeep.end()),
    ]);
  }

  async close(): Promise<void> {
    const session = await this.#session;
    await session.close();
  }

  #host(): SchedulerHost {
    const { concurrency, leaseFor, publish, wake, report } = this.#parts;
    return { concurrency, leaseFor, publish, wake, report, run: (job) => this.#run(job) };
  }

  #keepUp(session: SchedulerSession): Upkeep {
    const { deliveries, handlers, report } = this.#parts;
    return new Upkeep({
      deliveries,
      session,
      handlers: () => handlers().map(({ name }) => name),
      jobOf: (handed) => this.#jobOf(handed),
      leaseFor: this.#leaseFor,
      report,
    });
  }

  async #hasNothingWaiting(): Promise<boolean> {
    const { deliveries, handlers } = this.#parts;
    const names = handlers().map(({ name }) => name);
    const handed = await deliveries.handedOver(names, { within: aYear, limit: 1 });
    return handed.length === 0;
  }

  /** That of a worker is renewed by the one that runs; this one by whoever looks. */
  get #leaseFor(): number {
    return 2 * this.#parts.leaseFor;
  }

  async #handOver(group: readonly QueuedSubscription[], most: number): Promise<readonly HandedDelivery[]> {
    const handlers = group
      .map(({ name, queued: { concurrency = Infinity } }) => ({
        name,
        limit: Math.min(batch, concurrency - this.#arrivals.countOf(name)),
      }))
      .filter(({ limit }) => limit > 0);
    if (handlers.length === 0) return [];
    const { deliveries, worker } = this.#parts;
    return deliveries.handOver({
      handlers,
      limit: batch,
      worker,
      leaseFor: this.#leaseFor,
      mostWaiting: most,
      sequencing: fewEvents,
    });
  }

  async #add(session: SchedulerSession, handed: readonly HandedDelivery[]): Promise<void> {
    try {
      await session.add(handed.map((each) => this.#jobOf(each)));
    } catch (error) {
      this.#parts.report(error);
      // What may arrive nevertheless means nothing any more.
      await this.#parts.deliveries.release(handed.map(({ token }) => token));
    }
  }

  #jobOf({ handler: name, eventId, token }: HandedDelivery): DeliveryJob {
    const handler = this.#parts.handlers().find((each) => each.name === name);
    return {
      token,
      handler: name,
      eventId,
      queue: handler?.queued.queue,
      priority: handler?.queued.priority,
    };
  }

  async #run(job: ArrivedJob): Promise<JobOutcome> {
    const outcome = await this.#arrivals.run(job);
    this.#ended += 1;
    const handler = this.#parts.handlers().find(({ name }) => name === job.handler)?.queued;
    // What waits behind one of an ordered handler is due now.
    const isNextDue = outcome.kind === 'failed' || handler?.orderedBy !== undefined;
    if (isNextDue || (this.#blocked && this.#hasRoom(handler))) {
      this.#endedBefore = this.#ended;
      this.#parts.wake();
    }
    return outcome;
  }

  #hasRoom(handler: QueuedSubscription['queued'] | undefined): boolean {
    return (
      handler?.concurrency !== undefined ||
      this.#ended - this.#endedBefore >= refill ||
      this.#arrivals.size === 0
    );
  }
}
