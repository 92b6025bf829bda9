import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { repository } from './source-files.js';

const script = join(repository, 'scripts/docs-snippets.mjs');
const story = `it('publishes', async () => {
  const store = new EventStore();
  // #region publish
  await store.publish(
    new Placed({ id: 1 }),
  );

  // #region read
  await store.read.toArray();
  // #endregion
  // #endregion
});
`;
const quote = `await store.publish(
  new Placed({ id: 1 }),
);

await store.read.toArray();`;
const from = '<!-- snippet: test/story.test.ts#publish -->';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function fence(code: string, language = 'ts'): string {
  return `\`\`\`${language}\n${code}\n\`\`\`\n`;
}

function readmeWith(code: string): string {
  return `# A\n\n${from}\n\n${fence(code)}\nEnd of *story*.\n\n${fence('ls', 'sh')}`;
}

function project(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'handover-docs-'));
  folders.push(folder);
  for (const [path, text] of Object.entries({ 'test/story.test.ts': story, ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return {
    run: (...flags: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...flags], {
        cwd: folder,
        encoding: 'utf8',
      });
      return { status, stdout, stderr };
    },
    read: (path: string) => readFileSync(join(folder, path), 'utf8'),
  };
}

describe('the check of the documents', () => {
  it('passes when every fence quotes its region', () => {
    const { run } = project({
      'README.md': `# A\n\n${from}\n\n${fence(quote)}\n${fence('npm start', 'sh')}`,
      'docs/a/b.md': `<!-- snippet: none (a sketch of what comes) -->\n${fence('later()')}`,
    });
    expect(run('--check')).toEqual({
      status: 0,
      stdout: '1 snippets in 2 documents quote code that runs\n',
      stderr: '',
    });
  });

  it.each([
    ['drift', 'README.md', `${from}\n${fence(quote.replace('id: 1', 'id: 2'))}`, /README\.md:2: differs/],
    ['a quote cut short', 'README.md', `${from}\n${fence('await store.publish(')}`, /\(ends\)/],
    [
      'a missing region',
      'README.md',
      `${from.replace('publish', 'gone')}\n${fence(quote)}`,
      /no such region/,
    ],
    ['a missing file', 'README.md', `${from.replace('story', 'gone')}\n${fence(quote)}`, /does not exist/],
    ['a fence that quotes nothing', 'MIGRATION.md', fence(quote), /MIGRATION\.md:1: code that no test runs/],
    ['a fence of JavaScript that quotes nothing', 'README.md', fence(quote, 'js'), /no test runs/],
    ['a fence that quotes nothing, deep in docs', 'docs/a/b.md', fence(quote), /docs\/a\/b\.md:1/],
    ['an exemption without a reason', 'README.md', `<!-- snippet: none -->\n${fence('a')}`, /is quoted/],
    [
      'a quote of untested code',
      'README.md',
      `<!-- snippet: src/a.ts#a -->\n${fence('a')}`,
      /test\/ or examples\//,
    ],
    [
      'a quote that climbs out of test',
      'README.md',
      `<!-- snippet: test/../src/a.ts#a -->\n${fence('a')}`,
      /test\/ or examples\//,
    ],
    ['a fence without an end', 'README.md', `${from}\n\`\`\`ts\n${quote}\n`, /no end/],
  ])('catches %s', (_, path, text, problem) => {
    const { status, stderr } = project({ [path]: text }).run('--check');
    expect(stderr).toMatch(problem);
    expect(status).toBe(1);
  });

  it.each([
    ['twice', '// #region a\nx\n// #endregion\n// #region a\ny\n// #endregion\n', /two regions/],
    ['without an end', '// #region a\nx\n', /no end/],
    ['with nothing in it', '// #region a\n\n// #endregion\n', /empty/],
  ])('catches a region that stands there %s', (_, text, problem) => {
    const readme = `<!-- snippet: examples/a.ts#a -->\n${fence('x')}`;
    const { status, stderr } = project({ 'README.md': readme, 'examples/a.ts': text }).run('--check');
    expect(stderr).toMatch(problem);
    expect(status).toBe(1);
  });

  it('changes nothing', () => {
    const drifted = `${from}\n${fence('old()')}`;
    const { run, read } = project({ 'README.md': drifted });
    run('--check');
    expect(read('README.md')).toBe(drifted);
  });
});

describe('the rewrite of the documents', () => {
  it('puts the regions of today into their fences and leaves the rest alone', () => {
    const { run, read } = project({ 'README.md': readmeWith('old()\nolder()') });
    expect(run()).toMatchObject({ status: 0, stdout: expect.stringContaining('rewrote README.md') });
    expect(read('README.md')).toBe(readmeWith(quote));
    expect(run('--check').status).toBe(0);
  });

  it('keeps the indent of a fence in a list', () => {
    const item = '1. First\n\n   <!-- snippet: test/story.test.ts#read -->\n\n   ```ts\n   old()\n   ```\n';
    const { run, read } = project({ 'README.md': item });
    expect(run().status).toBe(0);
    expect(read('README.md')).toBe(item.replace('old()', 'await store.read.toArray();'));
  });

  it('fails on what it cannot mend', () => {
    expect(project({ 'README.md': fence('a()') }).run().status).toBe(1);
  });
});

describe('the documents of the house', () => {
  it('quote code that runs', () => {
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], {
      cwd: repository,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
