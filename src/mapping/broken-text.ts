import type { Path } from './path.js';

export interface BrokenText {
  readonly path: Path;
  readonly reason: string;
}

/**
 * True when `json` may hold a NUL or half a surrogate pair. `JSON.stringify` escapes both, and next to nothing
 * else this way, so one scan of the whole text spares a check of each string.
 */
export function mayHoldBrokenText(json: string): boolean {
  return json.includes('\\u0000') || json.includes('\\ud');
}

/** The first string or key within `value` that PostgreSQL refuses. */
export function findBrokenText(value: unknown, path: Path = []): BrokenText | undefined {
  if (typeof value === 'string') return describe(value, path, 'string');
  if (typeof value !== 'object' || value === null) return undefined;
  const isArray = Array.isArray(value);
  for (const [key, member] of Object.entries(value)) {
    const here = [...path, isArray ? Number(key) : key];
    const broken = describe(key, here, 'key') ?? findBrokenText(member, here);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

function describe(text: string, path: Path, place: 'string' | 'key'): BrokenText | undefined {
  if (text.includes('\0')) return { path, reason: `a NUL character in a ${place}` };
  if (!text.isWellFormed()) return { path, reason: `half a surrogate pair in a ${place}` };
  return undefined;
}
