import { InvalidArgument } from '../errors/argument-errors.js';

/**
 * Where a writer believes a stream to be.
 *
 * - `'any'`: wherever it is. `'auto'`: the same; kept for code that comes from Rails Event Store.
 * - `'none'`: the stream has no events. `-1` says the same.
 * - a number from 0: the version of its last event.
 */
export type ExpectedVersion = 'any' | 'auto' | 'none' | number;

/** The same, as the log compares it: `undefined` for no check, `-1` for an empty stream. */
export type RequiredVersion = number | undefined;

/** @throws {InvalidArgument} for anything that is no expected version, and for a version without a stream. */
export function requiredVersion(expected: unknown, stream: string | undefined): RequiredVersion {
  if (expected === 'any' || expected === 'auto') return undefined;
  if (expected !== 'none' && !isVersion(expected)) {
    throw new InvalidArgument('expectedVersion', "'any', 'auto', 'none' or a whole number from -1", expected);
  }
  if (stream === undefined) {
    throw new InvalidArgument(
      'expectedVersion',
      "'any' where no stream is given",
      expected,
      'Name the `stream` whose version you expect.',
    );
  }
  return expected === 'none' ? -1 : expected;
}

function isVersion(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= -1 && value < 2 ** 31 - 1;
}
