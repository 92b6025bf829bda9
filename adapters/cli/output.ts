import Table from 'cli-table3';

/** Where a command shows what it found: a table for people, JSON for programs. */
export interface Output {
  show(data: unknown, head: readonly string[], rows: readonly (readonly string[])[]): void;
  say(text: string): void;
}

const plain = { head: [], border: [] };
const lines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

export function tableOutput(write: (text: string) => void): Output {
  return {
    show(_data, head, rows) {
      const table = new Table({
        head: [...head],
        style: { ...plain, 'padding-left': 0, 'padding-right': 0 },
        chars: lines,
      });
      table.push(...rows.map((row) => [...row]));
      const text = table
        .toString()
        .split('\n')
        .map((line) => line.trimEnd());
      write(`${text.join('\n')}\n`);
    },
    say: (text) => write(`${text}\n`),
  };
}

export function jsonOutput(write: (text: string) => void): Output {
  return {
    show: (data) => write(`${JSON.stringify(data, undefined, 2)}\n`),
    say: () => undefined,
  };
}
