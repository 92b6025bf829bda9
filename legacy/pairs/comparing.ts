import { v5 as nameId } from 'uuid';
import { FrozenWorld, guardEffects, outsideScopes, type Event, type EventStore } from '../../src/index.js';
import type { Decision } from './decision.js';
import { toShare } from './comparison.js';
import { Judging, type BothSides } from './judging.js';
import { givenBy } from './masking.js';
import { Meetings } from './meetings.js';
import { NoiseMeter } from './noise-meter.js';
import { observe, observeWithin, toUndo, type Observation, type RunSettings } from './observation.js';
import { ListenerObserved, verdictsOf } from './pair-events.js';
import type { PairSettings } from './pair-options.js';
import type { Saboteur } from './saboteur.js';
import { Trials } from './trials.js';
import type { Verdict } from './verdict.js';
import { VerdictLog } from './verdict-log.js';
import type { WithheldCalls } from './withheld-calls.js';

export interface ComparingParts {
  readonly store: EventStore;
  readonly settings: PairSettings;
  readonly saboteur: Saboteur;
  /** Calls the listener as a broadcast of the event would; `undefined` when its arguments are not known here. */
  readonly listenerFor: (event: Event) => (() => unknown) | undefined;
  /** As often as the listener would have run, it counts. */
  readonly withheld: WithheldCalls;
  readonly judged: (verdict: Verdict) => void;
  readonly report: (error: unknown) => void;
}

const namespace = '0d2f8a1e-7c43-5b62-9f0e-2b9c6f1d4a57';
const patience = 30_000;
/** Of a look for what a listener did in another process: it may be stored a moment after the event. */
const looks = [0, 100, 400, 1_500];

/** Runs the side that does not perform, and brings both together. */
export class Comparing {
  readonly #parts: ComparingParts;
  readonly #meetings = new Meetings();
  readonly #trials: Trials;
  readonly #verdicts: VerdictLog;
  readonly #noise: NoiseMeter;
  readonly #judging: Judging;
  readonly #unguard = guardEffects();
  #sharing: Promise<unknown> = Promise.resolve();

  constructor(parts: ComparingParts) {
    this.#parts = parts;
    const { store, settings, saboteur, judged, report } = parts;
    this.#trials = new Trials(report);
    const { name, redaction } = settings;
    this.#verdicts = new VerdictLog({ store, pair: name, redaction, report });
    this.#judging = new Judging({ settings, saboteur, verdicts: this.#verdicts, judged, report });
    this.#noise = new NoiseMeter({ store, settings, report });
    store.register(ListenerObserved);
  }

  /**
   * The listener performs: at once, for its publisher.
   *
   * @param near What it may change: the publisher, arguments, itself. @throws What it throws.
   */
  watchListener(
    event: Event,
    decision: Decision,
    call: () => unknown,
    { near, isShared }: ListenerRun,
  ): unknown {
    return observe(this.#performing(event, decision, near), call, (observation) => {
      this.#meetings.bring(event.id, observation);
      if (isShared) this.#share(event, observation);
    });
  }

  /** The handler performs; then the listener is tried. @throws What the handler throws. */
  watchHandler(event: Event, decision: Decision, call: () => unknown): unknown {
    return observe(this.#performing(event, decision), call, (observation) =>
      this.#inBackground(() =>
        this.#judgeBy(event, decision, async () => {
          const old = this.#parts.listenerFor(event);
          const handler = await observation;
          const listenerRuns = this.#parts.withheld.of(event.id);
          if (old === undefined || listenerRuns === 0) return { listener: undefined, handler };
          const listener = await this.#try(event, decision, { call: old, after: [handler] });
          return { listener, handler, listenerRuns };
        }),
      ),
    );
  }

  /** The handler is tried, in the background. Call it where handlers are called, which is in no transaction. */
  tryHandler(event: Event, decision: Decision, call: () => unknown): void {
    outsideScopes(() => this.#start(() => this.tryHandlerNow(event, decision, call)));
  }

  /** Never rejects: the listener has performed, and whatever becomes of the comparison is no reason to deliver again. */
  async tryHandlerNow(event: Event, decision: Decision, call: () => unknown): Promise<void> {
    await this.#judgeBy(event, decision, async () => {
      const listeners = await this.#listenersOf(event);
      const handler = await this.#try(event, decision, { call, after: listeners });
      if (decision.measured === true) this.#measure(event, decision, async () => listeners);
      return { listener: listeners[0], handler, listenerRuns: listeners.length };
    });
  }

  /** Whether the listener, which performs the event that is about to be appended, shall be compared with itself. */
  choosesForNoise(): boolean {
    return this.#noise.chooses();
  }

  /** The event is in the log: the listener runs again, in the background. */
  measureNoise(event: Event, decision: Decision): void {
    this.#measure(event, decision, () => this.#listenersOf(event));
  }

  /** The event was rolled back, and what its listener did has no other side. @returns Whether it had run. */
  forget(eventId: string): boolean {
    const had = this.#meetings.has(eventId);
    this.#meetings.drop(eventId);
    return had;
  }

  /** Once the last run is over, nothing is guarded any more. */
  end(): void {
    void this.#trials.settled().finally(this.#unguard);
  }

  countNotSampled(): void {
    this.#verdicts.countNotSampled();
  }

  countNotRecorded(): void {
    this.#verdicts.countNotRecorded();
  }

  async settled(): Promise<void> {
    await this.#trials.settled();
    await this.#sharing;
    await this.#noise.settled();
    await this.#verdicts.settled();
  }

  #inBackground(run: () => Promise<void>, refused?: () => void): void {
    this.#parts.store.recording.apart(() => this.#start(run, refused));
  }

  #start(run: () => Promise<void>, refused = () => this.#verdicts.countNotSampled()): void {
    if (!this.#trials.start(run)) refused();
  }

  async #judgeBy(event: Event, decision: Decision, compare: () => Promise<BothSides>): Promise<void> {
    try {
      this.#judging.judge(event, decision, await compare());
    } catch (error) {
      this.#judging.fail(event, decision, error);
    }
  }

  /** @param after Runs that have performed already: it shall find the rows as they found them. */
  async #try(
    event: Event,
    decision: Decision,
    { call, after }: { readonly call: () => unknown; readonly after: readonly Observation[] },
    late?: RunSettings['late'],
  ): Promise<Observation> {
    const { store, settings } = this.#parts;
    // Between the event and the first look at the clock time goes by, so that `now` is not taken for the event's time.
    const at = (event.timestamp ?? new Date()).getTime() + 1;
    const run: RunSettings = {
      ...this.#settings(event, decision),
      ...(late && { late }),
      mode: 'captured',
      world: new FrozenWorld(at, event.id),
    };
    const undone = after.flatMap(toUndo);
    return store.recording.rehearse(() => observeWithin(settings.budget, run, call), undone);
  }

  #performing(event: Event, decision: Decision, near?: readonly unknown[]): RunSettings {
    return { ...this.#settings(event, decision, near), mode: 'performed' };
  }

  #settings(event: Event, decision: Decision, near?: readonly unknown[]): Omit<RunSettings, 'mode'> {
    return {
      watch: (scope) => this.#parts.store.recording.watch(scope, near),
      late: (what) => decision.compared && this.#judging.taint(event, decision, what),
    };
  }

  async #listenersOf(event: Event): Promise<readonly Observation[]> {
    for (const wait of looks) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      // Also later: a listener may wait for the commit, too, and have its turn after the handler.
      if (this.#meetings.has(event.id)) return this.#meetings.takeAll(event.id, patience);
      const shared = await this.#shared(event);
      if (shared !== undefined) return [shared.data.observation];
    }
    return [];
  }

  #shared(event: Event): Promise<ListenerObserved | undefined> {
    const { store } = this.#parts;
    return store.recording.apart(
      () => store.read.event(this.#sharedId(event)) as Promise<ListenerObserved | undefined>,
    );
  }

  #share(event: Event, observation: Promise<Observation>): void {
    const { store, settings, report } = this.#parts;
    const { name } = settings;
    const append = async () => {
      const [seen] = await this.#meetings.waitFor([observation], patience);
      if (seen === undefined) return;
      const data = {
        pair: name,
        eventId: event.id,
        observation: toShare(seen, settings.rules, givenBy(event)),
      };
      await store.append(new ListenerObserved(data, { id: this.#sharedId(event) }), {
        stream: `${verdictsOf(name)}/listener`,
      });
    };
    // Side by side: a listener that takes its time must not make others late for their handlers.
    const sharing = store.recording.apart(() => append().catch(report));
    this.#sharing = Promise.all([this.#sharing, sharing]);
  }

  #sharedId(event: Event): string {
    return nameId(`${this.#parts.settings.name} ${event.id}`, namespace);
  }

  #measure(event: Event, decision: Decision, performed: () => Promise<readonly Observation[]>): void {
    const run = async () => {
      const [first] = await performed();
      if (first === undefined) return;
      await this.#noise.measure(event, first, () => {
        const call = this.#parts.listenerFor(event);
        return call && this.#try(event, decision, { call, after: [first] }, () => undefined);
      });
    };
    this.#inBackground(run, () => undefined);
  }
}

export interface ListenerRun {
  readonly near: readonly unknown[];
  /** What it did is kept for a handler in another process. */
  readonly isShared: boolean;
}
