const secret = /pass(word|wd|phrase)|token|secret|authori[sz]ation|cookie|api[-_]?key|card|iban|ssn/i;

/** Blackens what nobody should read in a verdict, at any depth. @param further Names of fields. */
export function redact<T>(value: T, further: ReadonlySet<string>): T {
  if (Array.isArray(value)) return value.map((each: unknown) => redact(each, further)) as T;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      isSecret(key, further) ? '[redacted]' : redact(each as unknown, further),
    ]),
  ) as T;
}

function isSecret(key: string, further: ReadonlySet<string>): boolean {
  return further.has(key) || secret.test(key);
}
