import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repository } from './source-files.js';

interface Report {
  readonly diagnostics: readonly {
    readonly code: string;
    readonly filename: string;
    readonly help?: string;
    readonly message: string;
  }[];
}

const breaches: [path: string, text: string, rule: string][] = [
  ['src/a.ts', `export * from '../legacy/index.js';`, 'src points nowhere'],
  ['src/log/b.ts', `export * from '../../adapters/mikro-orm/index.js';`, 'src points nowhere'],
  ['src/c.ts', `export { MikroORM } from '@mikro-orm/core';`, 'src says what'],
  ['src/d.ts', `export const queue = await import('bullmq');`, 'src says what'],
  ['src/e.ts', `export type { EventStore } from 'handover';`, 'src points nowhere'],
  ['legacy/a.ts', `export * from '../src/errors/argument-errors.js';`, 'only door to src'],
  ['legacy/pairs/b.ts', `export * from '../../src/testing/index.js';`, 'only door to src'],
  ['legacy/c.ts', `export * from '../adapters/mikro-orm/index.js';`, 'legacy points to src'],
  ['legacy/d.ts', `export { createBus } from 'handover/legacy';`, 'import by path'],
  ['adapters/x/a.ts', `export * from '../y/index.js';`, 'Adapters never meet'],
  ['adapters/x/in/b.ts', `export * from '../../y/index.js';`, 'Adapters never meet'],
  ['adapters/x/in/deep/c.ts', `export * from '../../../y/index.js';`, 'Adapters never meet'],
  ['adapters/x/d.ts', `export * from '../../legacy/index.js';`, 'Adapters outlive legacy'],
  ['adapters/x/in/e.ts', `export * from '../../../src/log/event-log.js';`, 'only door to src'],
  ['adapters/x/in/deep/f.ts', `export * from '../../../../src/log/event-log.js';`, 'only door to src'],
  ['examples/a.ts', `export * from '../src/store/event-store.js';`, 'a door of src'],
  ['examples/b/b.ts', `export * from '../../legacy/bus.js';`, 'only door to legacy'],
  ['bench/a.ts', `export * from '../adapters/mikro-orm/execute.js';`, 'its only door'],
  ['bench/b.ts', `export * from '../test/support/postgres.js';`, 'Only tests know tests'],
  ['test/a.ts', `export const soon = (work: () => void) => setTimeout(work, 5);`, 'not on a sleep'],
  ['test/b.ts', `export { setTimeout as pause } from 'node:timers/promises';`, 'not on a sleep'],
];

const allowed: [path: string, text: string][] = [
  ['src/z.ts', `export { EventEmitter } from 'eventemitter3';`],
  ['legacy/z.ts', `export * from '../src/index.js';`],
  ['legacy/pairs/z.ts', `export * from '../../src/index.js';\nexport * from '../z.js';`],
  ['adapters/x/z.ts', `export * from '../../src/index.js';\nexport { MikroORM } from '@mikro-orm/core';`],
  ['adapters/x/in/z.ts', `export * from '../../../src/index.js';\nexport * from '../z.js';`],
  ['adapters/x/in/deep/z.ts', `export * from '../../../../src/index.js';\nexport * from '../../z.js';`],
  ['examples/z.ts', `export * from '../legacy/index.js';\nexport * from '../adapters/x/index.js';`],
  ['examples/y.ts', `export * from '../src/testing/index.js';\nexport { createBus } from 'handover/legacy';`],
  ['test/z.ts', `export * from '../legacy/bus.js';\nexport * from '../adapters/x/z.js';`],
];

let planted = '';
let report: Report = { diagnostics: [] };

beforeAll(() => {
  planted = mkdtempSync(join(tmpdir(), 'handover-lint-'));
  writeFileSync(join(planted, '.oxlintrc.json'), readFileSync(join(repository, '.oxlintrc.json')));
  for (const [path, text] of [...breaches, ...allowed]) {
    mkdirSync(dirname(join(planted, path)), { recursive: true });
    writeFileSync(join(planted, path), `${text}\n`);
  }
  const oxlint = join(repository, 'node_modules/oxlint/bin/oxlint');
  const run = spawnSync(process.execPath, [oxlint, '--format', 'json'], { cwd: planted, encoding: 'utf8' });
  report = JSON.parse(run.stdout) as Report;
});

afterAll(() => rmSync(planted, { recursive: true, force: true }));

function complaints(path: string): readonly string[] {
  return report.diagnostics
    .filter(({ filename, code }) => filename === path && code.includes('no-restricted'))
    .map(({ help, message }) => `${message} ${help ?? ''}`);
}

describe('the linter', () => {
  it.each(breaches)('catches in %s: %s', (path, _, rule) => {
    expect(complaints(path)).toEqual([expect.stringContaining(rule)]);
  });

  it.each(allowed)('lets stand in %s: %s', (path) => {
    expect(complaints(path)).toEqual([]);
  });
});
