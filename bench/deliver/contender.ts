/** One system that stores jobs or events and calls a handler that does nothing for each. */
export interface Deliverer {
  readonly name: string;
  /** What it was set to, in a line. */
  readonly settings: string;
  /** Which share of a round's jobs it gets, where all would take too long; default 1. */
  readonly share?: number;
  /** The same where jobs are stored one by one; default `share`. */
  readonly shareOneByOne?: number;
  /** Before each turn. */
  prepare?(): Promise<void>;
  /** Stores jobs in bulk, by their numbers, with nobody at work. */
  fill(numbers: readonly number[]): Promise<void>;
  /** Stores one. */
  publish(number: number): Promise<void>;
  /** Begins to handle. */
  work(): Promise<Working>;
  /** How many of the jobs ever stored are not marked as completed. */
  unfinished(): Promise<number>;
  close(): Promise<void>;
}

export interface Working {
  /** Resolves when what is handled is marked as completed. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** Called with each job's number when its handler starts. */
export type Handle = (number: number) => void;

export const bulk = 1_000;

export function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / bulk) }, (_, nth) =>
    items.slice(nth * bulk, (nth + 1) * bulk),
  );
}
