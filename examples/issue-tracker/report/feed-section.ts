import type { BusiestIssue, FeedLine } from '../connected-run.js';
import { type Output, section } from './output.js';
import { cut, table } from './table.js';

const shown = 20;

interface Row {
  readonly from: number;
  readonly to: number;
  readonly cells: readonly [when: string, event: string, what: string];
}

/** The activity of one issue, as its stream tells it; what follows itself stands in one line. */
export function printFeed(output: Output, { stream, title, feed }: BusiestIssue): void {
  const rows = feed.reduce<readonly Row[]>(withLine, []);
  const rest = rows.slice(shown).reduce((sum, { from, to }) => sum + to - from + 1, 0);
  section(output, `Activity of the busiest issue, read back from its stream ${stream}`, [
    `"${title}", ${feed.length} events`,
    '',
    ...table(
      rows
        .slice(0, shown)
        .map(({ from, to, cells }) => [from === to ? `${from}` : `${from}-${to}`, ...cells]),
      ['version', 'when', 'event', 'what'],
    ),
    ...(rest > 0 ? [`… and ${rest} more`] : []),
  ]);
}

function withLine(rows: readonly Row[], line: FeedLine): readonly Row[] {
  const last = rows.at(-1);
  const row: Row = {
    from: line.version,
    to: line.version,
    cells: [timeOf(line), line.type, aboutOf(line)],
  };
  const same = last?.cells.every((cell, index) => cell === row.cells[index]) ?? false;
  return last !== undefined && same ? [...rows.slice(0, -1), { ...last, to: row.to }] : [...rows, row];
}

function timeOf({ data: { at } }: FeedLine): string {
  return at instanceof Date ? at.toISOString().slice(0, 19).replace('T', ' ') : '';
}

function aboutOf({ data }: FeedLine): string {
  const { actor, label, assignee, milestone, edited, text } = data;
  const said = typeof text === 'string' ? `"${text}"` : undefined;
  const fields = Array.isArray(edited) ? edited.join(', ') : undefined;
  const about = [label, assignee, milestone, fields, said].find(
    (each) => typeof each === 'string' && each !== '',
  );
  return cut([actor, about].filter((each) => typeof each === 'string').join(': '), 50);
}
