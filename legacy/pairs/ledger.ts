import { WrongExpectedVersion, type BackgroundSource, type EventStore } from '../../src/index.js';
import type { Evidence } from './gate.js';
import { MovedMeanwhile, StageUnknown } from './pair-errors.js';
import { ledgerOf, PairMoved } from './pair-events.js';
import { within } from './patience.js';
import type { Standing } from './stage.js';

export interface Move {
  readonly from: Standing;
  readonly to: Standing;
  readonly who: string;
  readonly why: string;
  readonly overridden: boolean;
  readonly evidence: Evidence | undefined;
}

/** Where the ledger says a pair stands. */
export interface Entry extends Standing {
  readonly since: Date;
  readonly version: number;
  readonly who: string;
}

const followEvery = 1_000;
const patience = 5_000;

/**
 * The moves of one pair, in its stream of the store; all processes follow it. While it cannot be read, the pair stays
 * where it was.
 */
export class Ledger implements BackgroundSource {
  readonly #store: EventStore;
  readonly #pair: string;
  readonly #moved: (entry: Entry) => void;
  readonly #report: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #first: Promise<void>;
  /** One at a time, however long it takes: reads that hang must not use up the connections of the application. */
  #reading: Promise<void> | undefined;
  #entry: Entry | undefined;
  /** Of reads and writes: what was begun later knows more. */
  #begun = 0;
  #known = 0;
  #isDown = false;

  constructor(
    store: EventStore,
    pair: string,
    moved: (entry: Entry) => void,
    report: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#pair = pair;
    this.#moved = moved;
    this.#report = report;
    store.register(PairMoved);
    this.#first = this.#follow();
    this.#timer = store.recording.apart(() => setInterval(() => void this.#follow(), followEvery).unref());
  }

  /** The last move that this process knows of; `undefined`: none. */
  get known(): Entry | undefined {
    return this.#entry;
  }

  /** The last move, read afresh. @throws {StageUnknown} */
  async last(): Promise<Entry | undefined> {
    await this.#inTime(this.#read());
    return this.#entry;
  }

  /** @param after The move that this one follows. @throws {MovedMeanwhile} It was not the last one any more. */
  async write({ from, to, who, why, overridden, evidence }: Move, after: Entry | undefined): Promise<void> {
    const event = new PairMoved({
      pair: this.#pair,
      from: from.stage,
      to: to.stage,
      percent: to.percent,
      who,
      why,
      overridden,
      evidence: evidence ?? null,
    });
    const options = { stream: ledgerOf(this.#pair), expectedVersion: after?.version ?? 'none' } as const;
    try {
      const [stored] = await this.#store.recording.apart(() => this.#store.append(event, options));
      this.#know((this.#begun += 1), stored);
    } catch (error) {
      if (!(error instanceof WrongExpectedVersion)) throw error;
      const now = await this.last();
      throw now === undefined ? error : new MovedMeanwhile(this.#pair, from, now, error);
    }
  }

  async history(): Promise<readonly PairMoved[]> {
    return this.#store.read.stream(ledgerOf(this.#pair)).ofType(PairMoved).toArray();
  }

  /** Resolves when it has been read for the first time, or does not answer. */
  async settled(): Promise<void> {
    await this.#first;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    if (!this.#isDown) await this.#quietly(this.#reading);
  }

  async #follow(): Promise<void> {
    if (this.#reading !== undefined) return;
    this.#reading = this.#read().finally(() => (this.#reading = undefined));
    await this.#quietly(this.#reading);
  }

  async #quietly(reading: Promise<void> | undefined): Promise<void> {
    try {
      await (reading && this.#inTime(reading));
      this.#isDown = false;
    } catch (error) {
      if (!this.#isDown) this.#report(error);
      this.#isDown = true;
    }
  }

  #inTime(reading: Promise<void>): Promise<void> {
    return within(patience, reading, () => new StageUnknown(`ledger of the pair "${this.#pair}"`, patience));
  }

  async #read(): Promise<void> {
    const nth = (this.#begun += 1);
    const reader = this.#store.read.stream(ledgerOf(this.#pair)).ofType(PairMoved).backward();
    this.#know(nth, await this.#store.recording.apart(() => reader.first()));
  }

  #know(nth: number, move: PairMoved | undefined): void {
    if (nth < this.#known) return;
    this.#known = nth;
    if (move?.version === undefined || move.version === this.#entry?.version) return;
    const { to: stage, percent, who } = move.data;
    this.#entry = { stage, percent, who, since: move.timestamp ?? new Date(), version: move.version };
    this.#moved(this.#entry);
  }
}
