import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DeliveryLog } from '../delivery-log.js';
import { delayAfter } from '../retry-policy.js';
import type { Scheduler, SchedulerHost } from '../scheduler.js';
import type { QueuedSubscription } from '../subscription.js';
import { Alarm, within } from './alarm.js';
import { Claiming } from './claiming.js';
import type { Perform } from './delivery-run.js';
import { HandingOver } from './handing-over.js';
import type { Intake } from './intake.js';
import { fromRoot } from './root-context.js';
import { Keys, type Revive } from './keys.js';
import { Runs } from './runs.js';
import { fewEvents, Sequencing } from './sequencing.js';
import { stopOnSignals } from './signals.js';
import type { WorkSettings } from './worker-options.js';

export interface WorkerParts {
  readonly deliveries: DeliveryLog;
  /** Those subscribed at this moment. */
  readonly handlers: () => readonly QueuedSubscription[];
  /** Makes new ones known to the log. */
  readonly register: () => Promise<void> | undefined;
  readonly perform: Perform;
  readonly revive: Revive;
  /** Where deliveries go. Default: to this process. */
  readonly scheduler: Scheduler | undefined;
  /** For what the scheduler itself has to publish. */
  readonly publish: SchedulerHost['publish'];
  /** Takes failures that no caller can be told. */
  readonly report: (error: unknown) => void;
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
  readonly #runs: Runs;
  readonly #keys: Keys;
  readonly #intake: Intake;
  readonly #sequencing: Sequencing;
  readonly #alarm = new Alarm();
  readonly #recovery = new Alarm();
  readonly #hearing = new Alarm();
  readonly #loop: Promise<void>;
  readonly #listening: Promise<(() => Promise<void>) | undefined>;
  /** Those who wait for a round that finds nothing to do. */
  readonly #idlers = new Set<() => void>();
  readonly #ignoreSignals: () => void;
  #stopping = false;
  #stopped: Promise<void> | undefined;

  constructor(parts: WorkerParts, settings: WorkSettings) {
    this.#parts = parts;
    this.#settings = settings;
    const { deliveries, perform, report, scheduler, publish } = parts;
    const { leaseFor, concurrency } = settings;
    const handlers = () => this.#handlers();
    this.#runs = new Runs({ deliveries, perform, report, leaseFor, ended: () => this.#runEnded() });
    this.#keys = new Keys({ deliveries, handlers, revive: parts.revive, report });
    this.#sequencing = new Sequencing({ deliveries, moved: () => this.wake(), report });
    const [runs, wake, worker] = [this.#runs, () => this.wake(), this.name];
    const intake = { deliveries, handlers, runs, wake, worker, leaseFor, concurrency };
    this.#intake =
      scheduler === undefined
        ? new Claiming(intake)
        : new HandingOver({ ...intake, scheduler, publish, report });
    this.#loop = fromRoot(() => this.#work());
    this.#listening = fromRoot(() => this.#listen());
    this.#ignoreSignals = stopOnSignals(this, settings.signals);
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Resolves when it can take deliveries. @throws For settings that can never work; stop it then. */
  ready(): Promise<void> {
    return this.#intake.ready();
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
    if (asking.length > 0) await this.#sequencing.finish();
    const found = await this.#intake.take();
    if (found === 0 || found >= fewEvents) this.#sequencing.start();
    if (await this.#keys.assign()) return 0;
    if (found === 0 && asking.length > 0 && (await this.#intake.isQuiet())) this.#tell(asking);
    // Nothing else is asked of the log while what was found begins.
    return found > 0 ? shortestPause : this.#pause();
  }

  #tell(idlers: readonly (() => void)[]): void {
    for (const resolve of idlers) {
      this.#idlers.delete(resolve);
      resolve();
    }
  }

  #runEnded(): void {
    if (this.#idlers.size > 0) this.#alarm.ring();
  }

  #handlers(): readonly QueuedSubscription[] {
    const { handlers, queues } = this.#settings;
    return this.#parts
      .handlers()
      .filter(({ name }) => handlers === undefined || handlers.has(name))
      .filter(({ queued: { queue } }) => queues === undefined || (queue !== undefined && queues.has(queue)));
  }

  async #pause(): Promise<number> {
    const poll = this.#settings.pollEvery * (0.5 + Math.random() / 2);
    const due = await this.#intake.dueIn();
    return Math.min(poll, Math.max(due ?? poll, shortestPause));
  }

  async #listen(): Promise<(() => Promise<void>) | undefined> {
    for (let failures = 1; !this.#stopping; failures += 1) {
      try {
        const end = await this.#parts.deliveries.listen(() => this.wake());
        this.wake(); // for what was told before it listened
        return end;
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
    await within(lastWord, this.#runs.giveBack());
    this.#runs.halt();
    await within(lastWord, Promise.all([this.#stopListening(), this.#intake.close()]));
    this.#ignoreSignals();
  }

  async #ended(): Promise<void> {
    await Promise.all([this.#intake.pause(), this.#loop]);
    await this.#sequencing.ended();
    await this.#runs.ended();
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
