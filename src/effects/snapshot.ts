import { describeValue } from '../errors/argument-errors.js';

/**
 * A value as JSON sees it at this moment: what the caller changes later is not part of it. Bigints become text; what JSON
 * cannot hold becomes a description, so that two such values are equal only when they look alike.
 */
export function snapshot(value: unknown): unknown {
  try {
    const json = JSON.stringify(value, (_key, each: unknown) =>
      typeof each === 'bigint' ? `${each}n` : each,
    );
    return json === undefined ? null : JSON.parse(json);
  } catch {
    return { unreadable: describeValue(value) };
  }
}
