type Cell = string | number;

/** Lines of aligned columns, two spaces apart: numbers to the right, texts to the left. */
export function table(rows: readonly (readonly Cell[])[], heading: readonly string[] = []): string[] {
  const all = heading.length === 0 ? rows : [heading, ...rows];
  const columns = Math.max(0, ...all.map((row) => row.length));
  const numeric = Array.from({ length: columns }, (_, column) =>
    rows.every((row) => typeof (row[column] ?? 0) === 'number'),
  );
  const widths = numeric.map((_, column) => Math.max(...all.map((row) => print(row[column]).length)));
  return all.map((row) =>
    widths
      .map((width, column) => {
        const text = print(row[column]);
        return numeric[column] === true ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Puts lines side by side, as many as `width` holds, in columns that are read downwards. */
export function inColumns(lines: readonly string[], width: number): string[] {
  const fitting = [3, 2].map((columns) => arrange(lines, columns));
  return fitting.find((rows) => rows.every((row) => row.length <= width)) ?? [...lines];
}

function arrange(lines: readonly string[], columns: number): string[] {
  const height = Math.ceil(lines.length / columns);
  const rows = Array.from({ length: height }, (_, row) =>
    Array.from({ length: columns }, (__, column) => lines[column * height + row] ?? ''),
  );
  return table(rows.map((row) => row.flatMap((text, place) => (place === 0 ? [text] : ['', text]))));
}

/** Breaks a line behind commas, so that none is longer than `width`; what follows is indented. */
export function wrap(line: string, width: number): string[] {
  const indent = `${/^ */.exec(line)?.[0] ?? ''}    `;
  return line.split(/(?<=,) /).reduce<string[]>((lines, part) => {
    const last = lines.at(-1);
    if (last === undefined) return [part];
    const longer = `${last} ${part}`;
    return longer.length <= width ? [...lines.slice(0, -1), longer] : [...lines, `${indent}${part}`];
  }, []);
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

const groups = new Intl.NumberFormat('en-US');

function print(cell: Cell = ''): string {
  return typeof cell === 'number' ? groups.format(cell) : cell;
}
