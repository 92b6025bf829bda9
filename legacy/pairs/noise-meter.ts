import { v5 as nameId } from 'uuid';
import { InvalidArgument, type Event, type EventStore } from '../../src/index.js';
import { BatchWriter } from './batch-writer.js';
import { compare } from './comparison.js';
import { givenBy } from './masking.js';
import type { Observation } from './observation.js';
import { noiseOf, PairNoiseMeasured } from './pair-events.js';
import type { PairSettings } from './pair-options.js';
import { reasonOf } from './reason.js';
import { storable } from './storable.js';

export interface NoiseParts {
  readonly store: EventStore;
  readonly settings: PairSettings;
  readonly report: (error: unknown) => void;
}

const namespace = '3c1f6f0a-5a0e-5b59-8f39-5f2f1c0a7d24';
const lookEvery = 1_000;

/**
 * Compares the listener with itself, for as many events as the pair wants and processes together have not measured yet.
 * Nothing of that is a verdict.
 */
export class NoiseMeter {
  readonly #parts: NoiseParts;
  readonly #writer: BatchWriter;
  #known = 0;
  #knownAt: number | undefined;
  /** Events chosen since the last look that may come to be measured. */
  #chosen = 0;
  #turns: Promise<unknown> = Promise.resolve();
  #hasComplained = false;

  constructor(parts: NoiseParts) {
    this.#parts = parts;
    const { store, settings, report } = parts;
    this.#writer = new BatchWriter({ store, stream: noiseOf(settings.name), instead: bare, report });
  }

  /** Whether the event that is about to be appended shall be measured. */
  chooses(): boolean {
    const { noise } = this.#parts.settings;
    if (this.#known >= noise) return false;
    if (this.#chosen < noise - this.#known) {
      this.#chosen += 1;
      return true;
    }
    // Those that were chosen may never have come to it, such as with a transaction that was rolled back.
    if (this.#isOutOfDate) this.#turns = this.#turns.then(() => this.#look()).catch(this.#parts.report);
    return false;
  }

  /** One event after the other. @param again Runs the listener again; `undefined`: its arguments are not known here. */
  measure(event: Event, first: Observation, again: () => Promise<Observation> | undefined): Promise<unknown> {
    this.#turns = this.#turns.then(() => this.#measure(event, first, again)).catch(this.#parts.report);
    return this.#turns;
  }

  async settled(): Promise<void> {
    await this.#turns;
    await this.#writer.settled();
  }

  get #isOutOfDate(): boolean {
    return this.#knownAt === undefined || performance.now() - this.#knownAt > lookEvery;
  }

  async #look(): Promise<void> {
    const { store, settings } = this.#parts;
    await this.#writer.settled();
    this.#known = await store.recording.apart(() => store.read.stream(noiseOf(settings.name)).count());
    this.#knownAt = performance.now();
    this.#chosen = 0;
  }

  async #measure(
    event: Event,
    first: Observation,
    again: () => Promise<Observation> | undefined,
  ): Promise<void> {
    if (this.#isOutOfDate) await this.#look();
    if (this.#known >= this.#parts.settings.noise) return;
    const second = await again();
    if (second === undefined) this.#complain();
    else this.#keep(event, first, second);
  }

  #keep(event: Event, first: Observation, second: Observation): void {
    const { name, rules, redaction } = this.#parts.settings;
    const { differences, usedMasks, escapes } = compare(first, second, rules, givenBy(event));
    this.#known += 1;
    const data = {
      pair: name,
      eventId: event.id,
      differences: differences.map((each) => redaction.difference(each)),
      escapes: [...first.escapes, ...second.escapes, ...escapes],
      errors: [first, second].flatMap(({ error }) => error ?? []),
      usedMasks,
    };
    const id = nameId(`${name} ${event.id}`, namespace);
    this.#writer.add(new PairNoiseMeasured(storable(data) as typeof data, { id }));
  }

  #complain(): void {
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    this.#parts.report(
      new InvalidArgument(
        'noise',
        `0 where the mapping of ${this.#parts.settings.event.type} gives no \`args\``,
        this.#parts.settings.noise,
        'Give the mapping in `bus.connect` its `args`: without the arguments of the listener it cannot run again.',
      ),
    );
  }
}

/** In place of a measurement that the store refuses. */
function bare(refused: Event, error: unknown): Event | undefined {
  if (!(refused instanceof PairNoiseMeasured)) return undefined;
  const escapes = [storable(`its measurement could not be stored: ${reasonOf(error)}`) as string];
  const { pair, eventId } = refused.data;
  const data = { pair, eventId, differences: [], escapes, errors: [], usedMasks: [] };
  return new PairNoiseMeasured(data, { id: refused.id });
}
