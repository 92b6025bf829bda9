import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClaimedDelivery, DeliveryLog } from '../delivery-log.js';
import { delayAfter } from '../retry-policy.js';
import type { QueuedSubscription } from '../subscription.js';
import { Alarm, within } from './alarm.js';
import { DeliveryRun, type Perform } from './delivery-run.js';
import { Leases } from './leases.js';
import { Outcomes } from './outcomes.js';
import { fromRoot } from './root-context.js';
import type { WorkSettings } from './worker-options.js';

export interface WorkerParts {
  readonly deliveries: DeliveryLog;
  /** Those subscribed at this moment. */
  readonly handlers: () => readonly QueuedSubscription[];
  /** Makes new ones known to the log. */
  readonly register: () => Promise<void> | undefined;
  readonly perform: Perform;
  /** Takes failures that no caller can be told. */
  readonly report: (error: unknown) => void;
}

interface Claims {
  readonly claimed: number;
  /** True when there may be more than there were free places for. */
  readonly more: boolean;
  /** Handlers that could take more now. */
  readonly hungry: readonly string[];
}

const afterLogFailure = { base: 200, cap: 10_000 };
const shortestPause = 10;
const lastWord = 5_000;

/**
 * Sequences, and runs queued handlers, until it is stopped.
 *
 * Whatever wakes it is a hint only: it looks for work at least once in each `pollEvery`.
 */
export class Worker implements AsyncDisposable {
  /** Host, process and a part of its own: who `store.why()` says holds a lease. */
  readonly name = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  readonly #parts: WorkerParts;
  readonly #settings: WorkSettings;
  readonly #leases: Leases;
  readonly #outcomes: Outcomes;
  readonly #running = new Map<DeliveryRun, Promise<void>>();
  readonly #alarm = new Alarm();
  readonly #recovery = new Alarm();
  readonly #hearing = new Alarm();
  readonly #loop: Promise<void>;
  readonly #listening: Promise<(() => Promise<void>) | undefined>;
  /** Those who wait for a round that finds nothing to do. */
  readonly #idlers = new Set<() => void>();
  #more = false;
  #stopping = false;
  #stopped: Promise<void> | undefined;

  constructor(parts: WorkerParts, settings: WorkSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#leases = new Leases(parts.deliveries, settings.leaseFor, parts.report);
    this.#outcomes = new Outcomes(parts.deliveries, parts.report);
    this.#loop = fromRoot(() => this.#work());
    this.#listening = fromRoot(() => this.#listen());
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Makes the worker look for work now. */
  wake(): void {
    this.#alarm.ring();
  }

  /**
   * Resolves when everything committed so far is sequenced, nothing is due and nothing runs here; or when the worker
   * has stopped. What waits for a later attempt does not count.
   */
  idle(): Promise<void> {
    if (this.#stopping) return this.stop();
    return new Promise((resolve) => {
      this.#idlers.add(resolve);
      this.#alarm.ring();
    });
  }

  /**
   * Claims nothing more, and gives running handlers `grace` to end. Then their signals abort and their deliveries go
   * back, due at once, the attempt not counted. Calling it again is fine.
   */
  stop(): Promise<void> {
    this.#stopped ??= fromRoot(() => this.#shutDown());
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #work(): Promise<void> {
    let failures = 0;
    while (!this.#stopping) {
      try {
        const pause = await this.#round();
        failures = 0;
        if (!this.#stopping && pause > 0) await this.#alarm.sleep(pause);
      } catch (error) {
        failures += 1;
        this.#parts.report(error);
        if (!this.#stopping)
          await this.#recovery.sleep(shortestPause + delayAfter(failures, afterLogFailure));
      }
      await nextTurn();
    }
    this.#tell([...this.#idlers]);
  }

  /** @returns Milliseconds to sleep unless woken; 0 when there is more to do. */
  async #round(): Promise<number> {
    const asking = [...this.#idlers];
    await this.#parts.register();
    const moved = await this.#parts.deliveries.sequence();
    const { claimed, more, hungry } = await this.#claim();
    if (moved > 0) return 0;
    if (claimed === 0 && this.#running.size === 0) this.#tell(asking);
    return this.#pause(more ? [] : hungry);
  }

  #tell(idlers: readonly (() => void)[]): void {
    for (const resolve of idlers) {
      this.#idlers.delete(resolve);
      resolve();
    }
  }

  async #claim(): Promise<Claims> {
    const { deliveries } = this.#parts;
    const { leaseFor } = this.#settings;
    const limit = this.#settings.concurrency - this.#running.size;
    const handlers = this.#handlers()
      .map((handler) => ({ name: handler.name, limit: Math.min(limit, this.#placesOf(handler)) }))
      .filter((each) => each.limit > 0);
    this.#more = true;
    if (this.#stopping || handlers.length === 0) return { claimed: 0, more: true, hungry: [] };
    const claimed = await deliveries.claim({ handlers, limit, worker: this.name, leaseFor });
    const taken = (name: string) => claimed.filter((each) => each.handler === name).length;
    this.#more = claimed.length >= limit || handlers.some((each) => taken(each.name) >= each.limit);
    await this.#start(claimed);
    return { claimed: claimed.length, more: this.#more, hungry: handlers.map((each) => each.name) };
  }

  #handlers(): readonly QueuedSubscription[] {
    const { handlers } = this.#settings;
    return this.#parts.handlers().filter(({ name }) => handlers === undefined || handlers.has(name));
  }

  #placesOf({ name, queued }: QueuedSubscription): number {
    const running = [...this.#running.keys()].filter((run) => run.handler.name === name).length;
    return (queued.concurrency ?? this.#settings.concurrency) - running;
  }

  async #start(claimed: readonly ClaimedDelivery[]): Promise<void> {
    const unwanted: string[] = [];
    for (const delivery of claimed) {
      const handler = this.#handlers().find(({ name }) => name === delivery.handler);
      if (handler === undefined || this.#stopping) unwanted.push(delivery.token);
      else this.#run(new DeliveryRun(delivery, handler));
    }
    if (unwanted.length > 0) await this.#parts.deliveries.release(unwanted);
  }

  #run(run: DeliveryRun): void {
    this.#leases.hold(run.delivery.token, () => run.lose());
    const over = fromRoot(() => this.#see(run));
    this.#running.set(run, over);
  }

  /** Must not reject: nobody waits for it. */
  async #see(run: DeliveryRun): Promise<void> {
    let failed = true;
    try {
      const ending = await run.handle(this.#parts.perform);
      failed = ending.kind === 'failed';
      await this.#outcomes.settle(run, ending);
    } catch (error) {
      this.#parts.report(error);
    }
    this.#leases.drop(run.delivery.token);
    this.#running.delete(run);
    if (failed || this.#more || this.#idlers.size > 0) this.#alarm.ring();
  }

  async #pause(hungry: readonly string[]): Promise<number> {
    const poll = this.#settings.pollEvery * (0.5 + Math.random() / 2);
    if (hungry.length === 0) return poll;
    const due = await this.#parts.deliveries.nextDueIn(hungry);
    return Math.min(poll, Math.max(due ?? poll, shortestPause));
  }

  async #listen(): Promise<(() => Promise<void>) | undefined> {
    for (let failures = 1; !this.#stopping; failures += 1) {
      try {
        return await this.#parts.deliveries.listen(() => this.wake());
      } catch (error) {
        this.#parts.report(error);
      }
      await this.#hearing.sleep(shortestPause + delayAfter(failures, afterLogFailure));
    }
    return undefined;
  }

  async #shutDown(): Promise<void> {
    this.#stopping = true;
    for (const alarm of [this.#alarm, this.#recovery, this.#hearing]) alarm.ring();
    await within(this.#settings.grace, this.#ended());
    await within(lastWord, this.#giveBack());
    this.#outcomes.halt();
    this.#leases.dropAll();
    await within(lastWord, this.#stopListening());
  }

  async #ended(): Promise<void> {
    await this.#loop;
    await Promise.all(this.#running.values());
  }

  async #giveBack(): Promise<void> {
    const busy = [...this.#running.keys()].filter((run) => run.isHandling);
    for (const run of busy) run.stop();
    try {
      if (busy.length > 0) await this.#parts.deliveries.release(busy.map((run) => run.delivery.token));
    } catch (error) {
      this.#parts.report(error);
    }
    await this.#ended();
  }

  async #stopListening(): Promise<void> {
    try {
      const end = await this.#listening;
      await end?.();
    } catch (error) {
      this.#parts.report(error);
    }
  }
}
