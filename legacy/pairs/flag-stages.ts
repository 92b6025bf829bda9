import { setImmediate as turn } from 'node:timers/promises';
import { FlagText } from './flag-text.js';
import { MovedMeanwhile, StageUnknown } from './pair-errors.js';
import { within } from './patience.js';
import type { Standing } from './stage.js';

/** Where flags are looked up: `openFeatureFlags(client)` of `handover/openfeature`, or anything alike. */
export interface Flags {
  /** The flag's text for this key; rejects, or gives nothing or empty text, when it cannot be known. */
  textOf(flag: string, targetingKey: string | undefined): Promise<unknown>;
}

export interface FlagParts {
  readonly flags: Flags;
  readonly flag: string;
  /** Brings the pair to where the flag says it is, for everybody. */
  readonly follow: (standing: Standing) => Promise<void>;
  /** Runs a look-up apart from the broadcast that wants it. */
  readonly apart: <T>(work: () => T) => T;
  readonly report: (error: unknown) => void;
}

const lookEvery = 1_000;
const patience = 2_000;
const mostUnanswered = 100;
const keysKept = 10_000;

interface Known {
  readonly standing: Standing;
  readonly at: number;
}

/**
 * The stage as a flag has it: for everybody, and for single streams. No broadcast waits for it: a stream counts as what
 * was known last of it, else as everybody does. A look-up that fails, or does not answer, changes nothing.
 */
export class FlagStages {
  readonly #parts: FlagParts;
  readonly #text: FlagText;
  readonly #byKey = new Map<string, Known>();
  readonly #asked = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  /** Where the pair was brought. It is not brought back there when something else moves it. */
  #followed: Standing | undefined;
  #refused: Standing | undefined;
  #unanswered = 0;
  #isDown = false;
  #looking: Promise<void> | undefined;

  constructor(parts: FlagParts) {
    this.#parts = parts;
    this.#text = new FlagText(parts.flag, parts.report);
    this.#lookAgain();
    this.#timer = parts.apart(() => setInterval(() => this.#lookAgain(), lookEvery).unref());
  }

  /** `undefined`: nothing is known yet of the stream. */
  standingOf(stream: string): Standing | undefined {
    const known = this.#byKey.get(stream);
    if (known === undefined || performance.now() - known.at > lookEvery) {
      this.#parts.apart(() => void this.#lookFor(stream));
    }
    return known?.standing;
  }

  /** Resolves when the look-up that is under way has answered, or has not in time. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #lookAgain(): void {
    this.#looking ??= this.#parts
      .apart(() => this.#look())
      .catch((error: unknown) => this.#parts.report(error))
      .finally(() => (this.#looking = undefined));
  }

  async #look(): Promise<void> {
    const standing = await this.#ask(undefined);
    if (standing === undefined || isSame(standing, this.#followed)) return;
    try {
      await this.#parts.follow(standing);
      this.#followed = standing;
    } catch (error) {
      // Another process has read the same flag; the next look finds the pair where it has put it.
      if (error instanceof MovedMeanwhile || isSame(standing, this.#refused)) return;
      this.#refused = standing;
      throw error;
    }
  }

  async #lookFor(stream: string): Promise<void> {
    if (this.#asked.has(stream) || this.#unanswered >= mostUnanswered) return;
    this.#asked.add(stream);
    const standing = await this.#ask(stream);
    this.#asked.delete(stream);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size >= keysKept && oldest !== undefined) this.#byKey.delete(oldest);
    if (standing !== undefined) this.#byKey.set(stream, { standing, at: performance.now() });
  }

  async #ask(key: string | undefined): Promise<Standing | undefined> {
    const { flag, report } = this.#parts;
    try {
      const value = await within(
        patience,
        this.#lookUp(key),
        () => new StageUnknown(`flag "${flag}"`, patience),
      );
      this.#isDown = false;
      return this.#text.standing(value);
    } catch (error) {
      if (!this.#isDown) report(error);
      this.#isDown = true;
      return undefined;
    }
  }

  async #lookUp(key: string | undefined): Promise<unknown> {
    const { flags, flag } = this.#parts;
    this.#unanswered += 1;
    try {
      // Whatever it does before it gives its promise is not done within a broadcast.
      await turn();
      return await flags.textOf(flag, key);
    } finally {
      this.#unanswered -= 1;
    }
  }
}

function isSame(one: Standing, other: Standing | undefined): boolean {
  return one.stage === other?.stage && one.percent === other.percent;
}
