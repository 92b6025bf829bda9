import { createHmac } from 'node:crypto';
import { snapshot, type Effect } from '../../src/index.js';
import type { Redaction } from './redaction.js';
import { storable } from './storable.js';

/** Effects that may be stored, and still be compared. */
export interface Sealed {
  readonly effects: readonly Effect[];
  /** Secrets that nothing can compare any more, because there is no key. */
  readonly isBlind: boolean;
}

/**
 * Puts a keyed digest in place of each secret, so that what a listener did can be compared in another process and read
 * by nobody: equal secrets of one event have equal digests. Who has the store and not the key can neither look a digest
 * up nor try values out.
 */
export class Sealing {
  readonly #redaction: Redaction;
  readonly #key: string | undefined;

  constructor(redaction: Redaction, key: string | undefined) {
    this.#redaction = redaction;
    this.#key = key;
  }

  /** @param effects As they are compared: what a run has made itself, such as a token, is the same on both sides then. */
  seal(effects: readonly Effect[], eventId: string): Sealed {
    let isBlind = false;
    const put = (value: unknown): string => {
      isBlind ||= this.#key === undefined;
      return this.#key === undefined ? '[redacted]' : `[redacted ${digest(this.#key, eventId, value)}]`;
    };
    const plain = storable(snapshot(effects)) as readonly Effect[];
    return { effects: plain.map((effect) => this.#redaction.effect(effect, put)), isBlind };
  }

  /** How to undo rows, without what a secret column held: where that was left out, rows cannot be undone. */
  undoable(effects: readonly Effect[]): readonly Effect[] {
    return effects
      .filter((effect) => effect.kind === 'row')
      .map(({ undo, ...row }) => {
        const columns = Object.keys({ ...undo?.key, ...undo?.before });
        const isKept = !columns.some((column) => this.#redaction.isSecret(column));
        return { ...row, key: null, values: {}, undo: isKept ? undo : undefined };
      });
  }
}

function digest(key: string, eventId: string, value: unknown): string {
  return createHmac('sha256', key)
    .update(`${eventId}\n${canonical(value)}`)
    .digest('base64url')
    .slice(0, 22);
}

/** The same text for equal values, whatever the order of their fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
