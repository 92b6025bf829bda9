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
    .map((each) => ({ each, distance: distance(each.toLowerCase(), name.toLowerCase()) }))
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

function distance(a: string, b: string): number {
  const isPrefix = Math.min(a.length, b.length) > 3 && (a.startsWith(b) || b.startsWith(a));
  return isPrefix ? 1 : editDistance(a, b);
}

/** Letters to insert, delete, replace, or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
        swapped ? at(row - 2, column - 2) + 1 : Infinity,
      );
    }
  }
  return at(a.length, b.length);
}
