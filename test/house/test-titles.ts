import ts from 'typescript';
import type { SourceFile } from './source-files.js';

export interface TestTitles {
  /** Each title with those of its `describe` blocks before it. */
  readonly duplicates: readonly string[];
  /** Lines with `.only`, `fit`, `fdescribe` and the like: they silence the rest of the file. */
  readonly focused: readonly number[];
}

const blocks = ['describe', 'fdescribe', 'xdescribe'];
const tests = ['it', 'test', 'fit', 'xit', 'xtest'];

export function testTitles({ path, text }: SourceFile): TestTitles {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const seen = new Set<string>();
  const duplicates: string[] = [];
  const focused: number[] = [];

  const visit = (node: ts.Node, context: string): void => {
    if (isFocus(node)) focused.push(lineOf(source, node));
    const block = titledBlock(node);
    const here = block === undefined ? context : `${context}${block.title} › `;
    if (block?.isTest === true) {
      if (seen.has(here)) duplicates.push(here.slice(0, -' › '.length));
      seen.add(here);
    }
    ts.forEachChild(node, (child) => visit(child, here));
  };
  visit(source, '');
  return { duplicates, focused };
}

function titledBlock(node: ts.Node): { title: string; isTest: boolean } | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  const name = calledName(node.expression);
  const title = titleOf(node);
  if (title === undefined || ![...blocks, ...tests].includes(name)) return undefined;
  return { title, isTest: tests.includes(name) };
}

/** `it` for `it(…)`, `it.only(…)`, `it.each(…)(…)` and ``it.each`…`(…)``. */
function calledName(called: ts.Node): string {
  if (ts.isIdentifier(called)) return called.text;
  if (ts.isPropertyAccessExpression(called) || ts.isCallExpression(called))
    return calledName(called.expression);
  return ts.isTaggedTemplateExpression(called) ? calledName(called.tag) : '';
}

function isFocus(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === 'only' && [...blocks, ...tests].includes(calledName(node.expression));
  }
  return (
    ts.isCallExpression(node) &&
    ts.isIdentifier(node.expression) &&
    ['fit', 'fdescribe'].includes(node.expression.text)
  );
}

function titleOf({ arguments: [title] }: ts.CallExpression): string | undefined {
  if (title === undefined) return undefined;
  if (ts.isStringLiteralLike(title)) return title.text;
  return ts.isTemplateExpression(title) ? title.getText() : undefined;
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
}
