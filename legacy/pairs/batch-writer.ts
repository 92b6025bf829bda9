import {
  DuplicateEvent,
  LogUnavailable,
  UnknownCommitOutcome,
  type Event,
  type EventStore,
} from '../../src/index.js';

const pause = 200;
const batch = 200;
const mostTries = 5;

export interface BatchWriterParts {
  readonly store: EventStore;
  readonly stream: string;
  /** Asked for more events whenever some are written, such as for what was only counted so far. */
  readonly gather?: () => readonly Event[];
  /** What is kept in place of an event that the store refuses; `undefined`: nothing, it waits. */
  readonly instead?: (refused: Event, error: unknown) => Event | undefined;
  /** Hears of the oldest event when more than {@link mostWaiting} wait. It is not written any more. */
  readonly dropped?: (event: Event) => void;
  /** How many events can wait; default 10 000. */
  readonly mostWaiting?: number;
  readonly report: (error: unknown) => void;
}

/** Keeps events in one stream, many at a time and in the background; one whose id is stored already, once. */
export class BatchWriter {
  readonly #parts: BatchWriterParts;
  /** By id. */
  readonly #waiting = new Map<string, Event>();
  readonly #mostWaiting: number;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: BatchWriterParts) {
    this.#parts = parts;
    this.#mostWaiting = parts.mostWaiting ?? 10_000;
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
    const [oldest] = this.#waiting.values();
    if (this.#waiting.size <= this.#mostWaiting || oldest === undefined) return;
    this.#waiting.delete(oldest.id);
    this.#parts.dropped?.(oldest);
  }

  async #write(): Promise<void> {
    for (const event of this.#parts.gather?.() ?? []) this.#keep(event);
    // What comes meanwhile waits for its own time: else each would be written alone, for as long as more come.
    const due = [...this.#waiting.values()];
    for (let first = 0; first < due.length; first += batch) {
      if (!(await this.#writeAll(due.slice(first, first + batch)))) return;
    }
  }

  /** @returns False where the log takes nothing just now. */
  async #writeAll(events: readonly Event[]): Promise<boolean> {
    try {
      await this.#append(events);
    } catch (error) {
      if (!isPassing(error)) return this.#writeEach(events);
      this.#parts.report(error);
      return false;
    }
    for (const { id } of events) this.#waiting.delete(id);
    return true;
  }

  /** So that one which is refused keeps no other from being stored. */
  async #writeEach(events: readonly Event[]): Promise<boolean> {
    for (const event of events) {
      try {
        await this.#append([event]);
      } catch (error) {
        this.#parts.report(error);
        if (isPassing(error) || !(await this.#replace(event, error))) return false;
      }
      this.#waiting.delete(event.id);
    }
    return true;
  }

  async #replace(refused: Event, cause: unknown): Promise<boolean> {
    const instead = this.#parts.instead?.(refused, cause);
    if (instead === undefined) return false;
    try {
      await this.#append([instead]);
      return true;
    } catch {
      // What is wrong is wrong with the log, which has been reported.
      return false;
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

/** The same events may be taken a little later. */
function isPassing(error: unknown): boolean {
  return error instanceof LogUnavailable || error instanceof UnknownCommitOutcome;
}
