import { deepFreeze } from './freeze.js';
import type { Path } from './path.js';

type Container = Record<string | number, unknown>;

/**
 * Puts dates back where {@link Payload.dates} says and freezes the whole.
 *
 * @param data Freshly parsed JSON; it is changed in place.
 * @returns `data`, or a date when the whole payload was one.
 */
export function restoreDates(data: unknown, dates: readonly Path[]): unknown {
  return deepFreeze(reviveDates(data, dates));
}

/**
 * Puts dates back and freezes nothing, for upcasts that still change the data.
 *
 * A path that leads nowhere, or to something that is no date's text, is passed over: somebody has rewritten the
 * stored data by hand, and what stands there is the truth.
 */
export function reviveDates(data: unknown, dates: readonly Path[]): unknown {
  let revived = data;
  for (const path of dates) {
    const last = path.at(-1);
    if (last === undefined) {
      revived = toDate(data);
      continue;
    }
    const owner = ownerOf(data, path);
    if (owner !== undefined && Object.hasOwn(owner, last)) owner[last] = toDate(owner[last]);
  }
  return revived;
}

function ownerOf(data: unknown, path: Path): Container | undefined {
  let owner = data;
  for (const key of path.slice(0, -1)) {
    if (!isContainer(owner) || !Object.hasOwn(owner, key)) return undefined;
    owner = owner[key];
  }
  return isContainer(owner) ? owner : undefined;
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function toDate(text: unknown): unknown {
  if (typeof text !== 'string') return text;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date;
}
