/** Values of one statement. The statement holds only their placeholders (hazards H20). */
export interface Parameters {
  readonly values: readonly unknown[];
  /** Takes a value and gives the placeholder that stands for it. */
  readonly bind: (value: unknown) => string;
}

export function parameters(): Parameters {
  const values: unknown[] = [];
  return {
    values,
    bind: (value) => {
      values.push(value);
      return `$${values.length}`;
    },
  };
}

/** PostgreSQL keeps no text with NUL; what asks for such a name or id can be answered without asking. */
export function isStorable(text: string): boolean {
  return !text.includes('\u0000');
}
