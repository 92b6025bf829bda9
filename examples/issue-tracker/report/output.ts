/** Where the report goes: a terminal, or anything that takes text. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** A title, its lines indented, and a blank line behind. */
export function section(output: Output, title: string, lines: readonly string[]): void {
  output.write(`${bold(output, title)}\n${lines.map((line) => `  ${line}`.trimEnd()).join('\n')}\n\n`);
}

function bold({ isTTY }: Output, text: string): string {
  return isTTY === true && process.env['NO_COLOR'] === undefined ? `\u001b[1m${text}\u001b[0m` : text;
}
