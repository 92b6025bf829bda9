const mostLevels = 48;

/**
 * The same for everything that the store takes. The rest becomes text, so that nothing that a side did keeps its verdict
 * from being stored: text that PostgreSQL refuses becomes the JSON of it.
 */
export function storable(value: unknown): unknown {
  return stored(value, mostLevels);
}

function stored(value: unknown, levels: number): unknown {
  switch (typeof value) {
    case 'string':
      return storedText(value);
    case 'number':
      return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : String(value);
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? value : storedObject(value, levels);
    default:
      return storedText(String(value));
  }
}

function storedText(text: string): string {
  return text.isWellFormed() && !text.includes('\0') ? text : JSON.stringify(text);
}

function storedObject(value: object, levels: number): unknown {
  if (levels === 0) return 'too deep to be stored';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value;
  if (Array.isArray(value)) return value.map((each: unknown) => stored(each, levels - 1) ?? null);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [storedKey(key), stored(each, levels - 1)]),
  );
}

function storedKey(key: string): string {
  return key === '__proto__' ? JSON.stringify(key) : storedText(key);
}
