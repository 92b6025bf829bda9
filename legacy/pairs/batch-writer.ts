import { DuplicateEvent, type Event, type EventStore } from '../../src/index.js';

const pause = 200;
const batch = 200;
const mostWaiting = 10_000;
const mostTries = 5;

export interface BatchWriterParts {
  readonly store: EventStore;
  readonly stream: string;
  /** Asked for more events whenever some are written, such as for what was only counted so far. */
  readonly gather?: () => readonly Event[];
  readonly report: (error: unknown) => void;
}

/** Keeps events in one stream, many at a time and in the background; one whose id is stored already, once. */
export class BatchWriter {
  readonly #parts: BatchWriterParts;
  /** By id. */
  readonly #waiting = new Map<string, Event>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: BatchWriterParts) {
    this.#parts = parts;
  }

  add(event: Event): void {
    this.schedule();
    this.#keep(event);
  }

  /** Writes soon. */
  schedule(): void {
    const { recording } = this.#parts.store;
    this.#timer ??= recording.apart(() => setTimeout(() => void this.settled(), pause).unref());
  }

  async settled(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { recording } = this.#parts.store;
    this.#writing = recording.apart(() => this.#writing.then(() => this.#write()));
    await this.#writing;
  }

  #keep(event: Event): void {
    if (this.#waiting.has(event.id)) return;
    this.#waiting.set(event.id, event);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > mostWaiting && oldest !== undefined) this.#waiting.delete(oldest);
  }

  async #write(): Promise<void> {
    for (const event of this.#parts.gather?.() ?? []) this.#keep(event);
    // What comes meanwhile waits for its own time: else each would be written alone, for as long as more come.
    const due = [...this.#waiting.values()];
    for (let first = 0; first < due.length; first += batch) {
      const events = due.slice(first, first + batch);
      try {
        await this.#append(events);
      } catch (error) {
        this.#parts.report(error);
        return;
      }
      for (const { id } of events) this.#waiting.delete(id);
    }
  }

  /** Leaves out what is stored already, which would refuse all the others. */
  async #append(events: readonly Event[]): Promise<void> {
    const { store, stream } = this.#parts;
    let fresh = events;
    for (let tries = 1; fresh.length > 0; tries += 1) {
      try {
        await store.append(fresh, { stream });
        return;
      } catch (error) {
        if (!(error instanceof DuplicateEvent) || tries === mostTries) throw error;
        const reader = store.read.stream(stream).withId(fresh.map(({ id }) => id));
        const stored = new Set((await reader.toArray()).map(({ id }) => id));
        fresh = fresh.filter(({ id }) => !stored.has(id));
      }
    }
  }
}
