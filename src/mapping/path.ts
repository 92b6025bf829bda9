/** Property names and array indexes from the root to a value. */
export type Path = readonly (string | number)[];

/** `$`: an event's data; `metadata`: its metadata. */
export type PayloadRoot = '$' | 'metadata';

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
const longestKey = 200;

/** Writes a path for people: `$.items[3].price`, `$["a b"]`. */
export function printPath(root: PayloadRoot, path: readonly PropertyKey[]): string {
  return path.reduce<string>((printed, key) => printed + printKey(key), root);
}

function printKey(key: PropertyKey): string {
  if (typeof key !== 'string') return `[${String(key)}]`;
  const short = key.length > longestKey ? `${key.slice(0, longestKey)}…` : key;
  return identifier.test(short) ? `.${short}` : `[${JSON.stringify(short)}]`;
}
