/** Between the parts of a path, as in `mails.send › 0 › subject`: the effect, then the fields within it. */
const separator = ' › ';

export function partsOf(path: string): readonly string[] {
  return path.split(separator);
}

export function pathOf(parts: readonly string[]): string {
  return parts.join(separator);
}

export function below(path: string, part: string): string {
  return `${path}${separator}${part}`;
}

/** A place in an array, rather than the name of a field. */
export function isPlace(part: string): boolean {
  return /^\d+$/.test(part);
}
