import { UpcastFailed } from '../errors/event-errors.js';

/** Changes data of one schema version into the next one's. It may change and return what it is given. */
export type Upcast = { step(data: unknown): unknown }['step'];

/** `upcasts[n]` leads from schema version `n` to `n + 1`. */
export type Upcasts = Readonly<Record<number, Upcast>>;

/** What an event class knows about its schema's past. */
export interface SchemaHistory {
  readonly type: string;
  readonly schemaVersion: number;
  readonly upcast: Upcasts;
}

export interface StoredData {
  readonly id: string;
  readonly schemaVersion: number;
  /** A copy that nobody else holds: steps may change it in place. */
  readonly data: unknown;
}

/**
 * Brings stored data to the shape that its class wants today, one version after the other.
 *
 * @returns The data of the last step, not frozen; the stored data itself when it is up to date.
 * @throws {UpcastFailed} The version is newer than the class, a step is missing, throws, or returns no data.
 */
export function upcastData(history: SchemaHistory, stored: StoredData): unknown {
  requireKnownVersion(history, stored);
  let { data } = stored;
  for (let version = stored.schemaVersion; version < history.schemaVersion; version++) {
    data = takeStep(history, stored, version, data);
  }
  return data;
}

function requireKnownVersion(history: SchemaHistory, stored: StoredData): void {
  const { schemaVersion: known } = history;
  if (!Number.isSafeInteger(stored.schemaVersion)) throw failure(history, stored, 'that is no whole number');
  if (stored.schemaVersion > known) throw failure(history, stored, `this code knows versions up to ${known}`);
}

function takeStep(history: SchemaHistory, stored: StoredData, version: number, data: unknown): unknown {
  const name = `the step from ${version} to ${version + 1}`;
  const step = Object.hasOwn(history.upcast, version) ? history.upcast[version] : undefined;
  if (typeof step !== 'function') throw failure(history, stored, `${name} is missing`);
  const next = attempt(step, data, (cause) => failure(history, stored, `${name} threw`, cause));
  if (next === undefined) throw failure(history, stored, `${name} returned nothing`);
  if (next instanceof Promise) {
    next.catch(() => undefined);
    throw failure(history, stored, `${name} returned a promise, and upcasts are synchronous`);
  }
  return next;
}

function attempt(step: Upcast, data: unknown, explain: (cause: unknown) => UpcastFailed): unknown {
  try {
    return step(data);
  } catch (cause) {
    throw explain(cause);
  }
}

function failure(
  { type }: SchemaHistory,
  stored: StoredData,
  problem: string,
  cause?: unknown,
): UpcastFailed {
  return new UpcastFailed(type, stored.id, stored.schemaVersion, problem, cause);
}
