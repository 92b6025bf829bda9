import { InvalidStreamName } from '../errors/argument-errors.js';

const maxBytes = 255;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Checks a stream name: 1 to 255 bytes of UTF-8 in NFC, no control characters, no leading `$` (hazards H20).
 * Case matters; nothing is trimmed.
 *
 * @throws {InvalidStreamName}
 */
export function checkStreamName(name: unknown): string {
  if (typeof name !== 'string') throw new InvalidStreamName(name, 'is not a string');
  if (name === '') throw new InvalidStreamName(name, 'is empty');
  if (!name.isWellFormed()) throw new InvalidStreamName(name, 'has a lone surrogate');
  if (control.test(name)) throw new InvalidStreamName(name, 'has control characters');
  if (name.startsWith('$')) throw new InvalidStreamName(name, 'starts with `$`, which is reserved');
  if (name.normalize('NFC') !== name) throw new InvalidStreamName(name, 'is not in Unicode normal form NFC');
  const bytes = Buffer.byteLength(name);
  if (bytes > maxBytes) throw new InvalidStreamName(name, `takes ${bytes} bytes; ${maxBytes} is the limit`);
  return name;
}
