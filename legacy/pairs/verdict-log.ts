import { v5 as nameId } from 'uuid';
import type { BackgroundSource, Event, EventStore } from '../../src/index.js';
import { BatchWriter } from './batch-writer.js';
import { PairJudged, PairNotRecorded, PairNotSampled, verdictsOf } from './pair-events.js';
import type { Redaction } from './redaction.js';
import type { Verdict } from './verdict.js';

const namespace = '6b0f7f3e-52a4-5d0c-8a1d-94c6f3f2a0b1';

export interface VerdictLogParts {
  readonly store: EventStore;
  readonly pair: string;
  readonly redaction: Redaction;
  readonly report: (error: unknown) => void;
}

/**
 * Keeps verdicts of one pair in its stream, many at a time and in the background. The same verdict on the same event is
 * kept once, also when another process came to it: an event that is delivered again counts once.
 */
export class VerdictLog implements BackgroundSource {
  readonly #pair: string;
  readonly #redaction: Redaction;
  readonly #writer: BatchWriter;
  #notSampled = 0;
  #notRecorded = 0;

  constructor({ store, pair, redaction, report }: VerdictLogParts) {
    this.#pair = pair;
    this.#redaction = redaction;
    this.#writer = new BatchWriter({
      store,
      stream: verdictsOf(pair),
      gather: () => this.#counted(),
      report,
    });
  }

  add(verdict: Verdict): void {
    const { fingerprint, fault, listener, handler } = verdict;
    const data = {
      ...verdict,
      differences: verdict.differences.map((each) => this.#redaction.difference(each)),
      fingerprint: fingerprint ?? null,
      fault: fault ?? null,
      listener: (listener && this.#redaction.observation(listener)) ?? null,
      handler: (handler && this.#redaction.observation(handler)) ?? null,
    };
    this.#writer.add(new PairJudged(data as Verdict, { id: idOf(verdict) }));
  }

  countNotSampled(): void {
    this.#notSampled += 1;
    this.#writer.schedule();
  }

  countNotRecorded(): void {
    this.#notRecorded += 1;
    this.#writer.schedule();
  }

  settled(): Promise<void> {
    return this.#writer.settled();
  }

  close(): Promise<void> {
    return this.settled();
  }

  #counted(): readonly Event[] {
    const [notSampled, notRecorded] = [this.#notSampled, this.#notRecorded];
    this.#notSampled = 0;
    this.#notRecorded = 0;
    return [
      ...(notSampled > 0 ? [new PairNotSampled({ pair: this.#pair, count: notSampled })] : []),
      ...(notRecorded > 0 ? [new PairNotRecorded({ pair: this.#pair, count: notRecorded })] : []),
    ];
  }
}

/** Another verdict on the same event is news: a handler that failed, and then did the same. */
function idOf({ pair, eventId, verdict, fingerprint, sabotaged }: Verdict): string {
  return nameId(JSON.stringify([pair, eventId, verdict, fingerprint ?? '', sabotaged]), namespace);
}
