import { createHash } from 'node:crypto';

/** A statement that is sent often: where sessions are known, each parses it once. */
export interface Prepared {
  readonly text: string;
  readonly name: string;
}

/** Named by its text: whoever shares a session with us, such as another version of us, means the same by the name. */
export function prepared(text: string): Prepared {
  return { text, name: `handover_${createHash('sha256').update(text).digest('hex').slice(0, 32)}` };
}
