import { describeValue } from '../errors/argument-errors.js';
import { findBrokenText, mayHoldBrokenText } from './broken-text.js';
import { copyValue } from './copy-value.js';
import { defaultLimits, type PayloadLimits } from './payload-limits.js';
import type { Path, PayloadRoot } from './path.js';
import { isPlainObject } from './plain-object.js';
import { refuse, refuseSize, startWalk, unreadable, type Walk } from './walk.js';

/** A payload's copy, deeply frozen, and its JSON. */
export interface Payload {
  /** What handlers see, and what a later read returns. */
  readonly data: unknown;
  /** JSON text of `data`. */
  readonly json: string;
  /** Bytes of UTF-8 of `json`. */
  readonly bytes: number;
  /** Where dates stand, so that a read restores them. */
  readonly dates: readonly Path[];
}

/**
 * Copies `value` once, so that nobody can change an event afterwards, and refuses what JSON or PostgreSQL would
 * lose, alter or reject. Properties that are `undefined` are dropped; `-0` becomes `0`; dates stay dates.
 *
 * @param root `$` takes any JSON value; `metadata` takes a plain object.
 * @throws {InvalidPayload} `path` and `reason` tell where and what; a getter's or `toJSON`'s error is the `cause`.
 * @throws {PayloadTooLarge} `size` is exact up to four times the limit, 16 MiB at most; beyond, it is a minimum.
 */
export function normalisePayload(
  eventType: string,
  value: unknown,
  root: PayloadRoot,
  limits: PayloadLimits = defaultLimits,
): Payload {
  const walk = startWalk(eventType, root, limits);
  try {
    if (root === 'metadata') requirePlainObject(walk, value);
    const data = copyValue(walk, value);
    if (root === 'metadata') requirePlainObject(walk, data);
    if (data === undefined) refuse(walk, 'undefined', 'Pass `{}` for an event without data, or `null`.');
    return write(walk, data);
  } catch (error) {
    throw error === walk.raised ? error : unreadable(walk, error);
  }
}

function requirePlainObject(walk: Walk, value: unknown): void {
  if (!isPlainObject(value)) {
    refuse(walk, describeValue(value), 'Pass metadata as a plain object, such as `{ actor: "u1" }`.');
  }
}

function write(walk: Walk, data: unknown): Payload {
  const json = JSON.stringify(data);
  const bytes = Buffer.byteLength(json);
  if (bytes > walk.limits.maxBytes) refuseSize(walk, bytes);
  const broken = mayHoldBrokenText(json) ? findBrokenText(data) : undefined;
  if (broken !== undefined) {
    walk.path = [...broken.path];
    refuse(walk, broken.reason, 'Remove it before the event is made; binary data goes as base64.');
  }
  return { data, json, bytes, dates: walk.dates };
}
