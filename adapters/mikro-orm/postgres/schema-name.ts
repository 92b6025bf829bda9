import { InvalidArgument } from '../../../src/index.js';

const allowed = /^[a-z_][a-z0-9_]{0,40}$/;

/** Our schema, ready to stand in a statement. Nothing else is ever put into one as text (hazards H20). */
export type QuotedSchema = `"${string}"`;

/** @throws {InvalidArgument} */
export function quoteSchema(schema: string): QuotedSchema {
  if (typeof schema !== 'string' || !allowed.test(schema)) {
    throw new InvalidArgument(
      'schema',
      'a lower-case letter or `_`, then up to 40 lower-case letters, digits or `_`',
      schema,
    );
  }
  return `"${schema}"`;
}

/** Keys of `pg_advisory_xact_lock(int, int)`: what is locked, and whose. Schemas do not block each other. */
export interface LockKeys {
  readonly sequencer: string;
  readonly migration: string;
}

/** "hand" and the number behind it, so that an application's own advisory locks are not met by chance. */
const sequencerClass = 0x68616e64;
const migrationClass = 0x68616e65;

export function lockKeys(schema: QuotedSchema): LockKeys {
  const owner = hash(schema);
  return { sequencer: `${sequencerClass}, ${owner}`, migration: `${migrationClass}, ${owner}` };
}

/** FNV-1a as a signed 32-bit number. It is stored within functions: never change it. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value;
}
