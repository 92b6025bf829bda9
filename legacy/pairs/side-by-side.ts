import type { Difference } from './differences.js';

const longest = 200;
/** Characters shown before what differs. */
const context = 30;

/** Both sides of a difference on a line each: long ones from shortly before the place where they part. */
export function sideBySide(difference: Difference): { readonly listener: string; readonly handler: string } {
  const listener = 'listener' in difference ? textOf(difference.listener) : 'nothing';
  const handler = 'handler' in difference ? textOf(difference.handler) : 'nothing';
  const isShort = listener.length <= longest && handler.length <= longest;
  if (isShort || !('listener' in difference && 'handler' in difference)) {
    return { listener: shortened(listener), handler: shortened(handler) };
  }
  const from = Math.max(0, partingOf(listener, handler) - context);
  return { listener: shortened(listener, from), handler: shortened(handler, from) };
}

/** The place of the first character that is not the same. */
function partingOf(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length);
  for (let place = 0; place < shorter; place += 1) if (one[place] !== other[place]) return place;
  return shorter;
}

function shortened(text: string, from = 0): string {
  const start = from <= 1 ? 0 : from;
  const part = text.slice(start, start + longest);
  return `${start > 0 ? '…' : ''}${part}${start + longest < text.length ? '…' : ''}`;
}

function textOf(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
