import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { repository, sourceFiles } from './source-files.js';

interface Proof {
  readonly row: string;
  readonly file: string;
  readonly title: string;
}

/** The rows of a table whose first column is the number of a hazard, and whose last two are a file and a title. */
function proofsIn(markdown: string): readonly Proof[] {
  return markdown
    .split('\n')
    .map((line) => line.split(' | ').map((cell) => cell.replaceAll('|', '').trim()))
    .filter(([first = '']) => /^H\d+$/.test(first))
    .map((cells) => ({
      row: cells[0] ?? '',
      file: cells.at(-2) ?? '',
      title: (cells.at(-1) ?? '').replaceAll('\\', ''),
    }));
}

/** First arguments of `it`, `test`, `it.each(…)` and of what contract suites make of them, such as `competingTest`. */
function titlesIn(text: string): ReadonlySet<string> {
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /(^it|[tT]est)(\b|$)/.test(node.expression.getText())) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.add(title.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('test.ts', text, ts.ScriptTarget.Latest, true));
  return titles;
}

async function isThere({ file, title }: Proof): Promise<boolean> {
  const path = join(repository, file);
  return existsSync(path) && titlesIn(await readFile(path, 'utf8')).has(title);
}

describe('the table of hazards', () => {
  // Seen failing with a title that its file does not have.
  it('names tests that exist', async () => {
    const proofs = proofsIn(await readFile(join(repository, 'docs/hazards.md'), 'utf8'));
    const missing: Proof[] = [];
    for (const proof of proofs) if (!(await isThere(proof))) missing.push(proof);
    expect(missing).toEqual([]);
  });

  // Seen failing without the rows of H9.
  it('has a row for each hazard of queued work', async () => {
    const proofs = proofsIn(await readFile(join(repository, 'docs/hazards.md'), 'utf8'));
    const rows = new Set(proofs.map(({ row }) => row));
    const numbers = Array.from({ length: 12 }, (_, nth) => `H${nth + 7}`);
    expect(numbers.filter((number) => !rows.has(number))).toEqual([]);
  });

  // Seen failing without the rows of H20.
  it('has a row for each hazard that code cites', async () => {
    const proofs = proofsIn(await readFile(join(repository, 'docs/hazards.md'), 'utf8'));
    const rows = new Set(proofs.map(({ row }) => row));
    const cited = (await sourceFiles())
      .filter(({ path }) => /^(src|legacy|adapters)\//.test(path))
      .flatMap(({ path, text }) => Array.from(text.matchAll(/\bH\d+\b/g), ([row]) => ({ path, row })));
    expect(cited.length).toBeGreaterThan(20);
    expect(cited.filter(({ row }) => !rows.has(row))).toEqual([]);
  });
});
