// Keeps the code in our Markdown equal to code that a machine runs.
//
//   node scripts/docs-snippets.mjs           rewrites the fences
//   node scripts/docs-snippets.mjs --check   lists the differences and exits with 1
//
// In Markdown, above a fence:  <!-- snippet: test/stories/tour.test.ts#publish -->
// or, for code nobody runs:    <!-- snippet: none (why) -->
// In the file, around the code: // #region publish … // #endregion
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';

const check = process.argv.includes('--check');
const languages = ['ts', 'typescript', 'js', 'javascript', 'mjs', 'mts', 'tsx', 'jsx'];
const documents = ['README.md', 'MIGRATION.md', ...globSync('docs/**/*.md').toSorted()].filter(existsSync);

const problems = [];
let quoted = 0;
for (const document of documents) {
  const before = readFileSync(document, 'utf8');
  const after = refreshed(document, before.split('\n')).join('\n');
  if (!check && after !== before) {
    writeFileSync(document, after);
    console.log(`rewrote ${document}`);
  }
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${quoted} snippets in ${documents.length} documents quote code that runs`);

/** The lines of the document with each snippet as its file has it now. */
function refreshed(document, lines) {
  const result = [];
  for (let at = 0; at < lines.length; at += 1) {
    const fence = /^(\s*)(`{3,}|~{3,})\s*(\w*)/.exec(lines[at]);
    result.push(lines[at]);
    if (fence === null) continue;
    const [, indent, ticks, language] = fence;
    const end = lines.findIndex((line, n) => n > at && line.trim() === ticks);
    if (end === -1) {
      problems.push(`${document}:${at + 1}: this fence has no end`);
      return [...result, ...lines.slice(at + 1)];
    }
    const shown = lines.slice(at + 1, end);
    result.push(
      ...snippet({ document, line: at + 1, language, indent, shown, above: above(lines, at) }),
      lines[end],
    );
    at = end;
  }
  return result;
}

/** The last line with text before a fence. */
function above(lines, at) {
  return lines.slice(0, at).findLast((line) => line.trim() !== '') ?? '';
}

function snippet({ document, line, language, indent, shown, above: comment }) {
  const source = /^\s*<!-- snippet: (.+?) -->\s*$/.exec(comment)?.[1];
  const complain = (problem) => {
    problems.push(`${document}:${line}: ${problem}`);
    return shown;
  };
  if (source === undefined) {
    return languages.includes(language.toLowerCase())
      ? complain(
          'code that no test runs\n  → Put <!-- snippet: path#region --> above it, or <!-- snippet: none (why) -->.',
        )
      : shown;
  }
  if (/^none \(.+\)$/.test(source)) return shown;
  const [path, name] = source.split('#');
  if (!/^(test|examples)\//.test(path) || path.includes('..')) {
    return complain(
      `"${source}" is quoted\n  → Quote from test/ or examples/, by path#region: that is what runs.`,
    );
  }
  if (!existsSync(path)) return complain(`${path} does not exist`);
  const region = regionOf(readFileSync(path, 'utf8').split('\n'), name);
  if (typeof region === 'string') return complain(`${path}#${name}: ${region}`);
  quoted += 1;
  const wanted = region.map((text) => (text === '' ? '' : indent + text));
  if (check && wanted.join('\n') !== shown.join('\n')) {
    const difference = differenceOf(shown, wanted);
    return complain(`differs from ${path}#${name}\n${difference}\n  → npm run docs rewrites it.`);
  }
  return wanted;
}

/** The lines between `// #region name` and its `// #endregion`, dedented; or what is wrong. */
function regionOf(lines, name) {
  const starts = lines.flatMap((line, n) => (line.trim() === `// #region ${name}` ? [n] : []));
  if (starts.length !== 1) return starts.length === 0 ? 'no such region' : 'two regions have this name';
  const inside = [];
  let depth = 1;
  for (const line of lines.slice(starts[0] + 1)) {
    if (/^\s*\/\/ #region\b/.test(line)) depth += 1;
    else if (/^\s*\/\/ #endregion\b/.test(line)) depth -= 1;
    else inside.push(line.trimEnd());
    if (depth === 0) return inside.some((text) => text !== '') ? dedented(inside) : 'this region is empty';
  }
  return 'this region has no end';
}

function dedented(lines) {
  const indents = lines.filter((line) => line !== '').map((line) => line.length - line.trimStart().length);
  const common = Math.min(...indents);
  const code = lines.map((line) => line.slice(common));
  const first = code.findIndex((line) => line !== '');
  return code.slice(first, code.findLastIndex((line) => line !== '') + 1);
}

/** The first line in which they differ, as the document and as the file have it. */
function differenceOf(shown, wanted) {
  const at = Math.max(shown.length, wanted.length);
  const n = Array.from({ length: at }, (_, each) => each).find((each) => shown[each] !== wanted[each]) ?? 0;
  return `  document: ${shown[n] ?? '(ends)'}\n  file:     ${wanted[n] ?? '(ends)'}`;
}
