import { distance } from 'fastest-levenshtein';
import { InvalidArgument } from './argument-errors.js';

/**
 * Refuses what is no object, and every option that nobody would read: a misspelt one would be passed over in silence.
 * An option that is `undefined` counts as left out.
 *
 * @param example Completes "Write …", for what resembles none of the known ones.
 * @throws {InvalidArgument}
 */
export function checkKnownOptions(options: unknown, known: readonly string[], example?: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidArgument('options', 'an object', options, example && `Write ${example}.`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !known.includes(name)) throw unknownOption(name, known, example);
  }
}

function unknownOption(name: string, known: readonly string[], example: string | undefined): InvalidArgument {
  const nearest = known
    .map((each) => ({ each, distance: distanceOf(each.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  const isTypo = nearest !== undefined && nearest.distance <= Math.max(2, name.length / 3);
  return new InvalidArgument(
    'options',
    `made of ${known.map((each) => `\`${each}\``).join(', ')}`,
    name,
    isTypo
      ? `Write \`${nearest.each}\` in place of \`${name}\`.`
      : `Take \`${name}\` out${example === undefined ? '' : `, as in ${example}`}.`,
  );
}

/** Letters to insert, delete or replace. */
function distanceOf(a: string, b: string): number {
  const isPrefix = Math.min(a.length, b.length) > 3 && (a.startsWith(b) || b.startsWith(a));
  return isPrefix ? 1 : distance(a, b);
}
