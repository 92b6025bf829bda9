import { InvalidPayload, PayloadTooLarge } from '../errors/event-errors.js';
import { printPath, type Path, type PayloadRoot } from './path.js';
import { largestPayload, type PayloadLimits } from './payload-limits.js';

/** Where the copying of one payload stands. The path is printed only when something is refused. */
export interface Walk {
  readonly eventType: string;
  readonly root: PayloadRoot;
  readonly limits: PayloadLimits;
  readonly stopAt: number;
  readonly dates: Path[];
  /** Objects and arrays that the walk is inside of, outermost first. */
  readonly open: object[];
  path: (string | number)[];
  /** Bytes that the JSON takes at least, so far. */
  size: number;
  /** The refusal that ends the walk; anything else that is thrown came from a getter, a proxy or `toJSON`. */
  raised: InvalidPayload | PayloadTooLarge | undefined;
}

export function startWalk(eventType: string, root: PayloadRoot, given: PayloadLimits): Walk {
  const limits = { ...given, maxBytes: Math.min(given.maxBytes, largestPayload) };
  const stopAt = Math.max(limits.maxBytes, Math.min(4 * limits.maxBytes, largestPayload));
  return { eventType, root, limits, stopAt, dates: [], open: [], path: [], size: 0, raised: undefined };
}

/** Counts bytes of JSON and ends the walk when there is no way back under the limit. */
export function spend(walk: Walk, bytes: number): void {
  walk.size += bytes;
  if (walk.size > walk.stopAt) refuseSize(walk, walk.size);
}

/** @param key Where within the current place; left out, the place itself is refused. */
export function refuse(walk: Walk, reason: string, remedy: string, key?: PropertyKey): never {
  const path = key === undefined ? walk.path : [...walk.path, key];
  walk.raised = new InvalidPayload(walk.eventType, printPath(walk.root, path), reason, remedy);
  throw walk.raised;
}

export function refuseSize(walk: Walk, size: number): never {
  walk.raised = new PayloadTooLarge(walk.eventType, size, walk.limits.maxBytes);
  throw walk.raised;
}

export function unreadable(walk: Walk, cause: unknown): InvalidPayload {
  return new InvalidPayload(
    walk.eventType,
    printPath(walk.root, walk.path),
    'a value that throws when it is read',
    'Mend its getter or `toJSON()`, see `cause`, or copy the values that matter into a plain object.',
    cause,
  );
}
