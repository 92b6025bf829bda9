import { DuplicateEvent, type BackgroundSource, type Event, type EventStore } from '../../src/index.js';
import { nameId } from './name-id.js';
import { PairJudged, PairNotSampled, verdictsOf } from './pair-events.js';
import { redact } from './redaction.js';
import type { Verdict } from './verdict.js';

const pause = 200;
const batch = 200;
const mostWaiting = 10_000;
const mostTries = 5;
const namespace = '6b0f7f3e-52a4-5d0c-8a1d-94c6f3f2a0b1';

/**
 * Keeps verdicts of one pair in its stream, many at a time and in the background. The same verdict on the same event is
 * kept once, also when another process came to it: an event that is delivered again counts once.
 */
export class VerdictLog implements BackgroundSource {
  readonly #store: EventStore;
  readonly #pair: string;
  readonly #secrets: ReadonlySet<string>;
  readonly #report: (error: unknown) => void;
  /** By id. */
  readonly #waiting = new Map<string, Event>();
  #notSampled = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    store: EventStore,
    pair: string,
    secrets: ReadonlySet<string>,
    report: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#pair = pair;
    this.#secrets = secrets;
    this.#report = report;
  }

  add(verdict: Verdict): void {
    const data = redact(
      {
        ...verdict,
        fingerprint: verdict.fingerprint ?? null,
        listener: verdict.listener ?? null,
        handler: verdict.handler ?? null,
      },
      this.#secrets,
    );
    this.#keep(new PairJudged(data as Verdict, { id: idOf(verdict) }));
    this.#schedule();
  }

  countNotSampled(): void {
    this.#notSampled += 1;
    this.#schedule();
  }

  async settled(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#store.recording.apart(() => this.#writing.then(() => this.#write()));
    await this.#writing;
  }

  close(): Promise<void> {
    return this.settled();
  }

  #schedule(): void {
    this.#timer ??= this.#store.recording.apart(() => setTimeout(() => void this.settled(), pause).unref());
  }

  #keep(event: Event): void {
    if (this.#waiting.has(event.id)) return;
    this.#waiting.set(event.id, event);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > mostWaiting && oldest !== undefined) this.#waiting.delete(oldest);
  }

  async #write(): Promise<void> {
    if (this.#notSampled > 0) {
      this.#keep(new PairNotSampled({ pair: this.#pair, count: this.#notSampled }));
      this.#notSampled = 0;
    }
    while (this.#waiting.size > 0) {
      const events = [...this.#waiting.values()].slice(0, batch);
      try {
        await this.#append(events);
      } catch (error) {
        this.#report(error);
        return;
      }
      for (const { id } of events) this.#waiting.delete(id);
    }
  }

  /** Leaves out what is stored already, which would refuse all the others. */
  async #append(events: readonly Event[]): Promise<void> {
    const stream = verdictsOf(this.#pair);
    let fresh = events;
    for (let tries = 1; fresh.length > 0; tries += 1) {
      try {
        await this.#store.append(fresh, { stream });
        return;
      } catch (error) {
        if (!(error instanceof DuplicateEvent) || tries === mostTries) throw error;
        const reader = this.#store.read.stream(stream).withId(fresh.map(({ id }) => id));
        const stored = new Set((await reader.toArray()).map(({ id }) => id));
        fresh = fresh.filter(({ id }) => !stored.has(id));
      }
    }
  }
}

/** Another verdict on the same event is news: a handler that failed, and then did the same. */
function idOf({ pair, eventId, verdict, fingerprint, sabotaged }: Verdict): string {
  return nameId(JSON.stringify([pair, eventId, verdict, fingerprint ?? '', sabotaged]), namespace);
}
