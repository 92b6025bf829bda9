import { basename, dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sourceFiles } from './source-files.js';
import { testTitles } from './test-titles.js';

const files = await sourceFiles();
const product = files.filter(({ path }) => /^(src|legacy|adapters)\//.test(path));
const testFiles = files.filter(({ path }) => path.endsWith('.test.ts'));

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/;
const drawers = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'misc',
  'lib',
  'interfaces',
  'models',
  'enums',
];

function linesOf(text: string): number {
  return text.split('\n').length - 1;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

describe('the files of the house', () => {
  it('are seen', () => {
    expect(product.length).toBeGreaterThan(100);
    expect(testFiles.length).toBeGreaterThan(20);
  });

  it('fit on a few screens: at most 300 lines each outside tests', () => {
    const long = files
      .filter(({ path }) => !path.startsWith('test/'))
      .map(({ path, text }) => ({ path, lines: linesOf(text) }))
      .filter(({ lines }) => lines > 300);
    expect(long).toEqual([]);
  });

  it('are small in the product: their median stays under 80 lines', () => {
    expect(median(product.map(({ text }) => linesOf(text)))).toBeLessThan(80);
  });

  it('have names in kebab-case', () => {
    const odd = files.map(({ path }) => path).filter((path) => !kebabCase.test(basename(path)));
    expect(odd).toEqual([]);
  });

  it('live in folders named after a concept', () => {
    const folders = new Set(files.map(({ path }) => dirname(path)));
    const drawer = [...folders].filter((folder) => folder.split('/').some((part) => drawers.includes(part)));
    expect(drawer).toEqual([]);
    expect([...folders].filter((folder) => /\/types(\/|$)/.test(folder) && folder !== 'test/types')).toEqual(
      [],
    );
  });
});

describe('the tests of the house', () => {
  it('leave no focus behind that silences their neighbours', () => {
    const focused = testFiles.flatMap((file) =>
      testTitles(file).focused.map((line) => `${file.path}:${line}`),
    );
    expect(focused).toEqual([]);
  });

  it('have one title each within their file', () => {
    const duplicates = testFiles.flatMap((file) =>
      testTitles(file).duplicates.map((title) => `${file.path}: ${title}`),
    );
    expect(duplicates).toEqual([]);
  });

  it.each([
    [`describe.only('a', () => {});`, { focused: [1], duplicates: [] }],
    [`it.only('a', () => {});`, { focused: [1], duplicates: [] }],
    [`it.only.each([1])('a', () => {});`, { focused: [1], duplicates: [] }],
    [`\nfit('a', () => {});`, { focused: [2], duplicates: [] }],
    [`it('a', () => {}); it('a', () => {});`, { focused: [], duplicates: ['a'] }],
    [`it.each([1])('a', () => {}); it('a', () => {});`, { focused: [], duplicates: ['a'] }],
    [`describe('b', () => { it('a', f); it(\`a\`, f); });`, { focused: [], duplicates: ['b › a'] }],
    [`describe('b', () => { it('a', f); }); it('a', f);`, { focused: [], duplicates: [] }],
    [`cursor.only('a'); const it2 = only('a');`, { focused: [], duplicates: [] }],
  ])('are read rightly from %j', (text, titles) => {
    expect(testTitles({ path: 'a.test.ts', text })).toEqual(titles);
  });
});
