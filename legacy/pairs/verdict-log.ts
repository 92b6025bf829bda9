import { createHash } from 'node:crypto';
import { v5 as nameId } from 'uuid';
import type { BackgroundSource, Event, EventStore } from '../../src/index.js';
import { BatchWriter } from './batch-writer.js';
import { PairJudged, PairNotRecorded, PairNotSampled, verdictsOf } from './pair-events.js';
import { reasonOf } from './reason.js';
import type { Redaction } from './redaction.js';
import { storable } from './storable.js';
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
      instead: (event, error) => (event instanceof PairJudged ? bare(event, error) : undefined),
      dropped: (event) => this.#countDropped(event),
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
    this.#writer.add(new PairJudged(storable(data) as Verdict, { id: idOf(verdict) }));
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

  /** The store has taken nothing for too long. What it never got is not as if it had not been. */
  #countDropped(event: Event): void {
    if (event instanceof PairNotSampled) this.#notSampled += event.data.count;
    else if (event instanceof PairNotRecorded) this.#notRecorded += event.data.count;
    else this.#notSampled += 1;
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

/** In place of a verdict that the store refuses: none is known then. */
function bare({ id, data }: PairJudged, error: unknown): PairJudged {
  const { pair, eventId, stage, performed, shape, sabotaged } = data;
  const escapes = [storable(`its verdict could not be stored: ${reasonOf(error)}`) as string];
  const nothing = {
    differences: [],
    usedRules: [],
    usedMasks: [],
    listener: null,
    handler: null,
    fault: null,
  };
  const known = { pair, eventId, stage, performed, shape, sabotaged, verdict: 'untrusted', escapes };
  const fingerprint = createHash('sha1').update(escapes.join()).digest('hex').slice(0, 12);
  return new PairJudged({ ...nothing, ...known, fingerprint } as unknown as Verdict, { id });
}

/** Another verdict on the same event is news: a handler that failed, and then did the same. */
function idOf({ pair, eventId, verdict, fingerprint, sabotaged }: Verdict): string {
  return nameId(JSON.stringify([pair, eventId, verdict, fingerprint ?? '', sabotaged]), namespace);
}
