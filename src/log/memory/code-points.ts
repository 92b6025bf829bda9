/** Unlike `<`, which compares UTF-16 code units, this puts emoji behind every letter, as databases do. */
export function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
