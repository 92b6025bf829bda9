import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { breachOf, houseOf, importsOf, type Manifest } from './import-rules.js';
import { repository, sourceFiles } from './source-files.js';

const manifest: unknown = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
const house = houseOf(manifest as Manifest);
const imports = (await sourceFiles()).flatMap(importsOf);

function breaches(path: string, text: string): readonly string[] {
  return importsOf({ path, text }).flatMap((each) => breachOf(each, house) ?? []);
}

describe('the imports of the house', () => {
  it('follow the arrows, by the doors', () => {
    const broken = imports.flatMap((each) => {
      const breach = breachOf(each, house);
      return breach === undefined ? [] : [`${each.file}:${each.line} imports ${each.specifier}: ${breach}`];
    });
    expect(broken).toEqual([]);
  });

  it('are seen in every root', () => {
    const seen = Map.groupBy(imports, ({ file }) => file.slice(0, file.indexOf('/')));
    for (const root of ['src', 'legacy', 'adapters', 'examples', 'bench', 'test']) {
      expect({ root, seen: (seen.get(root)?.length ?? 0) > 5 }).toEqual({ root, seen: true });
    }
    expect(imports.length).toBeGreaterThan(400);
  });

  it('come by as many doors as the package has', () => {
    expect([...house.doors]).toEqual(
      expect.arrayContaining([
        ['handover', 'src/index.ts'],
        ['handover/legacy', 'legacy/index.ts'],
        ['handover/mikro-orm', 'adapters/mikro-orm/index.ts'],
        ['handover/bullmq', 'adapters/bullmq/index.ts'],
        ['handover/testing', 'src/testing/index.ts'],
      ]),
    );
  });
});

describe('a planted import', () => {
  it.each([
    ['src/store/a.ts', `import { bus } from '../../legacy/index.js';`, 'src points nowhere'],
    ['src/store/a.ts', `export * from '../../adapters/mikro-orm/index.js';`, 'src points nowhere'],
    ['src/store/a.ts', `export type A = import('../../test/support/a.js').A;`, 'src points nowhere'],
    ['src/store/a.ts', `import type { Knex } from 'kysely';`, 'src knows no package'],
    ['src/store/a.ts', `const pg = await import('pg');`, 'src knows no package'],
    ['src/store/a.ts', `const { expect } = require('@jest/globals');`, 'src knows no package'],
    ['src/store/a.ts', `import { join } from 'path';`, 'node:'],
    ['src/store/a.ts', `import { EventStore } from 'handover';`, 'by path'],
    ['src/testing/a.ts', `export type { Matchers } from 'expect';`, 'src knows no package'],
    ['legacy/pairs/a.ts', `import { A } from '../../src/errors/a.js';`, 'only door to src'],
    ['legacy/pairs/a.ts', `import { A } from '../../src/testing/index.js';`, 'only door to src'],
    ['legacy/a.ts', `import { log } from '../adapters/mikro-orm/index.js';`, 'only door to src'],
    ['legacy/a.ts', `import { MikroORM } from '@mikro-orm/core';`, 'legacy knows no package'],
    ['adapters/bullmq/a.ts', `export { log } from '../mikro-orm/index.js';`, 'never meet'],
    ['adapters/bullmq/jobs/a.ts', `import '../../mikro-orm/execute.js';`, 'never meet'],
    ['adapters/mikro-orm/a.ts', `import { pair } from '../../legacy/index.js';`, 'outlive legacy'],
    ['adapters/mikro-orm/a.ts', `import { A } from '../../src/log/a.js';`, 'only door to src'],
    ['adapters/mikro-orm/a.ts', `import { z } from 'zod';`, 'neither a dependency nor a peer'],
    ['adapters/embedded-postgres/a.ts', `import a from 'not-installed';`, 'not in package.json'],
    ['examples/a/a.ts', `import { A } from '../../legacy/bus.js';`, 'only way in'],
    ['examples/a/a.ts', `import { A } from '../../test/support/postgres.js';`, 'only tests know tests'],
    ['bench/a.ts', `import { A } from '../examples/issue-tracker/main.js';`, 'stand alone'],
    ['bench/a.ts', `import { A } from '../../elsewhere/a.js';`, 'outside every root'],
  ])('in %s is caught: %s', (path, text, rule) => {
    expect(breaches(path, text)).toEqual([expect.stringContaining(rule)]);
  });

  it.each([
    ['src/store/a.ts', `import { EventEmitter } from 'eventemitter3'; import { join } from 'node:path';`],
    ['src/store/a.ts', `export { A } from '../log/event-log.js';`],
    ['legacy/pairs/a.ts', `import { A } from '../../src/index.js'; import { B } from '../bus.js';`],
    ['adapters/mikro-orm/postgres/a.ts', `import { A } from '../../../src/index.js';`],
    ['adapters/mikro-orm/a.ts', `declare module '../../src/log/publish-options.js' { interface A {} }`],
    ['adapters/mikro-orm/a.ts', `import { MikroORM } from '@mikro-orm/core';`],
    ['examples/a/a.ts', `import { startPostgres } from '../../adapters/embedded-postgres/index.js';`],
    ['examples/a/a.ts', `import { createBus } from 'handover/legacy'; import 'handover/testing';`],
    ['test/legacy/a.test.ts', `import { A } from '../../legacy/dispatcher.js'; import 'handover/legacy';`],
  ])('in %s is let in where it belongs: %s', (path, text) => {
    expect(importsOf({ path, text }).length + Number(text.startsWith('declare'))).toBeGreaterThan(0);
    expect(breaches(path, text)).toEqual([]);
  });
});
