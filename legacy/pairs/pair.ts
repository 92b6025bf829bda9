import { InvalidArgument, type Event, type EventStore, type HandlerContext } from '../../src/index.js';
import { Breaker } from './breaker.js';
import { Comparing } from './comparing.js';
import { Deciding, type Way } from './deciding.js';
import { storedDecision, type Decision } from './decision.js';
import { FlagStages } from './flag-stages.js';
import { Ledger } from './ledger.js';
import { listenerCall } from './listener-call.js';
import type { PairMoved } from './pair-events.js';
import { settledSoon } from './evidence.js';
import { readReport, type PairReport } from './pair-report.js';
import type { PairSettings } from './pair-options.js';
import { Promotions, type MoveOptions } from './promotions.js';
import { Saboteur } from './saboteur.js';
import { Sampling } from './sampling.js';
import { isStep, type Stage, type Standing } from './stage.js';
import type { Verdict } from './verdict.js';
import { WithheldCalls } from './withheld-calls.js';

interface Connected {
  readonly store: EventStore;
  readonly comparing: Comparing;
  readonly ledger: Ledger;
  readonly promotions: Promotions;
  readonly isQueued: boolean;
  readonly flags: FlagStages | undefined;
}

/** One listener method and the handler that replaces it. */
export class Pair {
  readonly #settings: PairSettings;
  readonly #report: (error: Error) => void;
  readonly #saboteur: Saboteur;
  readonly #deciding: Deciding;
  readonly #breaker: Breaker;
  /** What the listener has heard; one that waits for the commit has not, as long as the event may roll back. */
  readonly #heard = new WeakSet<Event>();
  readonly #withheld = new WithheldCalls();
  #standing: Standing;
  #connected: Connected | undefined;
  #phantoms = 0;

  constructor(settings: PairSettings, report: (error: Error) => void) {
    this.#settings = settings;
    this.#report = report;
    this.#standing = settings.start;
    this.#deciding = new Deciding({
      sampling: new Sampling(settings.sample),
      standingFor: (stream) => this.#standingFor(stream),
      choosesForNoise: () => this.#connected?.comparing.choosesForNoise() === true,
      notSampled: () => this.#connected?.comparing.countNotSampled(),
    });
    this.#breaker = new Breaker(settings.budget);
    this.#saboteur = new Saboteur(settings.rules);
  }

  get name(): string {
    return this.#settings.name;
  }

  get stage(): Stage {
    return this.#standing.stage;
  }

  /** Of the streams whose events the handler performs in `live`. */
  get percent(): number {
    return this.#standing.percent;
  }

  /** How often the listener ran inline for an event that was then rolled back. */
  get phantoms(): number {
    return this.#phantoms;
  }

  /** Where it stood before its first move. */
  get declared(): Stage {
    return this.#settings.start.stage;
  }

  get settings(): PairSettings {
    return this.#settings;
  }

  /**
   * One stage forward, when the gate is open; in `live` also to more percent.
   *
   * @throws {PromotionRefused} {StageSkipped} {MovedMeanwhile} {InvalidArgument}
   */
  promote(options: MoveOptions = {}): Promise<Standing> {
    return this.#connection().promotions.promote(options);
  }

  /** Back to an earlier stage, at once; one back unless `to` says which. @throws {InvalidArgument} */
  demote(options: MoveOptions = {}): Promise<Standing> {
    return this.#connection().promotions.demote(options);
  }

  /** Counts, mismatches and the gate, as data and with `String(…)` as text. */
  async report(): Promise<PairReport> {
    const { store, ledger } = this.#connection();
    await settledSoon(store);
    return readReport({
      store,
      settings: this.#settings,
      standing: this.#standing,
      entry: await ledger.last(),
    });
  }

  /**
   * Plants faults in the next comparisons that would be a match: an effect missing, a value altered, an effect too many,
   * in turn. The gate wants all that were planted caught.
   */
  sabotage(count = 1): void {
    this.#saboteur.plant(count);
  }

  /** Resolves when everything compared so far is judged and stored. */
  async settled(): Promise<void> {
    await this.#connected?.comparing.settled();
  }

  /** The moves of the pair, oldest first. */
  history(): Promise<readonly PairMoved[]> {
    return this.#connection().ledger.history();
  }

  /**
   * Resolves when the ledger, and the flag, have been read for the first time, or have not answered for a few seconds.
   * Until then the pair stands where its declaration says.
   */
  async ready(): Promise<void> {
    await this.#connected?.ledger.settled();
    await this.#connected?.flags?.settled();
  }

  /** A broadcast of the event could not be recorded. */
  notRecorded(): void {
    this.#connected?.comparing.countNotRecorded();
  }

  /** Before an event is appended: who performs it. */
  decide(event: Event, way: Way): Decision {
    return this.#deciding.decide(event, way);
  }

  /** A broadcast of this bus is recorded as the event, and about to be heard. */
  broadcasts(event: Event): void {
    const decision = this.#deciding.of(event);
    if (decision?.performs === 'handler' && decision.compared) this.#withheld.expect(event.id);
  }

  /** The listener hears the event, or a broadcast that is not recorded. @param near Publisher and arguments. */
  deliver(event: Event | undefined, call: () => unknown, near: readonly unknown[] = []): unknown {
    if (event === undefined) return call();
    const decision = this.#deciding.of(event) ?? storedDecision(event, this.name);
    if (decision?.performs === 'handler') {
      this.#withheld.count(event.id);
      return undefined;
    }
    this.#heard.add(event);
    const isWatched = decision?.compared === true || decision?.measured === true;
    if (!isWatched || this.#connected === undefined) return call();
    const { comparing, isQueued } = this.#connected;
    const run = { near: [...near, this.#settings.listener], isShared: isQueued };
    return comparing.watchListener(event, decision, call, run);
  }

  /** An event whose listener had run has been rolled back. */
  rolledBack(event: Event): void {
    const decision = this.#deciding.of(event);
    if (decision?.performs !== 'listener' || !this.#heard.has(event)) return;
    this.#phantoms += 1;
    this.#connected?.comparing.forget(event.id);
  }

  /** From here on events of the store reach the handler. @returns What ends it. */
  connect(store: EventStore, argsOf: (event: Event) => readonly unknown[] | undefined): () => void {
    const report = (error: unknown) => this.#report(error as Error);
    const subscription = store.recording.subscribe(
      this.#settings.handler,
      { to: [this.#settings.event], ...this.#settings.subscribe },
      (event, context, call) => this.#handle(event, context, call),
    );
    if (subscription.run === 'in-transaction') {
      subscription.end();
      throw new InvalidArgument('handler', "run 'after-commit' or 'queued'", subscription.run);
    }
    const comparing = new Comparing({
      store,
      settings: this.#settings,
      saboteur: this.#saboteur,
      listenerFor: (event) => listenerCall(this.#settings, argsOf(event)),
      withheld: this.#withheld,
      judged: (verdict) => this.#judged(verdict),
      report,
    });
    const ledger = new Ledger(store, this.name, (entry) => (this.#standing = entry), report);
    const promotions = new Promotions({ store, ledger, settings: this.#settings });
    const isQueued = subscription.run === 'queued';
    const flags = this.#flagStages(store, promotions);
    this.#connected = { store, comparing, ledger, promotions, isQueued, flags };
    store.recording.attach({
      settled: () => comparing.settled(),
      close: async () => {
        flags?.close();
        await comparing.settled();
        comparing.end();
        await ledger.close();
      },
    });
    return () => {
      subscription.end();
      this.#connected = undefined;
      comparing.end();
      flags?.close();
      void ledger.close();
    };
  }

  /** What a flag says of a single stream counts where it goes one step further at most. */
  #standingFor(stream: string | undefined): Standing {
    const own = stream === undefined ? undefined : this.#connected?.flags?.standingOf(stream);
    return own !== undefined && isStep(this.#standing, own) ? own : this.#standing;
  }

  /** The handler side of every event. */
  #handle(event: Event, context: HandlerContext, call: () => unknown): unknown {
    const decision = storedDecision(event, this.name);
    const comparing = this.#connected?.comparing;
    if (decision === undefined) return this.#isHandlersAlone(event) ? call() : undefined;
    const isCompared = decision.compared && !context.replaying && comparing !== undefined;
    if (decision.performs === 'handler') {
      return isCompared ? comparing.watchHandler(event, decision, call) : call();
    }
    if (decision.measured === true && !decision.compared && !context.replaying) {
      comparing?.measureNoise(event, decision);
    }
    if (!isCompared) return undefined;
    if (context.delivery !== undefined) return comparing.tryHandlerNow(event, decision, call);
    comparing.tryHandler(event, decision, call);
    return undefined;
  }

  /**
   * Of an event that nobody has decided: it is older than the pair, and its listener has performed; or it comes from a
   * process without this bus, where no listener hears it, and from after the cut-over.
   */
  #isHandlersAlone({ timestamp }: Event): boolean {
    const entry = this.#connected?.ledger.known;
    if (entry === undefined || timestamp === undefined || timestamp < entry.since) return false;
    return entry.stage === 'handler' || entry.stage === 'retired';
  }

  #flagStages({ recording }: EventStore, promotions: Promotions): FlagStages | undefined {
    const { flags, flag } = this.#settings;
    if (flags === undefined) return undefined;
    return new FlagStages({
      flags,
      flag,
      follow: (standing) => promotions.follow(standing, flag),
      apart: (work) => recording.apart(work),
      report: (error) => this.#report(error as Error),
    });
  }

  #judged(verdict: Verdict): void {
    const reason = this.#breaker.reasonAfter(verdict);
    if (reason === undefined || this.stage !== 'shadow') return;
    this.#breaker.reset();
    this.#connected?.promotions
      .breakOff(reason)
      .then(this.#report, (error: unknown) => this.#report(error as Error));
  }

  #connection(): Connected {
    if (this.#connected !== undefined) return this.#connected;
    throw new InvalidArgument(
      'pair',
      'connected to a store',
      this.name,
      'Call `bus.connect(store, { events })` first: a pair moves by what the store holds.',
    );
  }
}
