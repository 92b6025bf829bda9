import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repository } from '../house/source-files.js';

interface Tarball {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const run = promisify(execFile);
const patience = 180_000;
const sources = ['src', 'legacy', 'adapters', 'examples', 'bench', 'scripts'];
const consumerSources = join(repository, 'test/package/consumer');

// Built, packed and installed outside the repository: nothing here touches the `dist` of who runs the tests.
const workshop = mkdtempSync(join(tmpdir(), 'handover-package-'));
const staging = join(workshop, 'staging');
const consumer = join(workshop, 'consumer');
const installed = join(consumer, 'node_modules/handover');

let tarball: Tarball;
let manifest: Manifest;
let entries: readonly (readonly [name: string, target: string])[];

beforeAll(async () => {
  await build();
  tarball = await pack();
  await install();
  manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
  entries = Object.entries(manifest.exports);
}, patience);

afterAll(() => rmSync(workshop, { recursive: true, force: true }));

async function build(): Promise<void> {
  const documents = globSync('{*.md,LICENSE,package.json,tsconfig*.json}', { cwd: repository });
  for (const path of [...sources, ...documents]) {
    cpSync(join(repository, path), join(staging, path), { recursive: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(staging, 'node_modules'));
  await execute('npm', ['run', '--silent', 'build'], staging);
}

async function pack(): Promise<Tarball> {
  const output = await execute('npm', ['pack', '--json', '--pack-destination', workshop], staging);
  const [packed] = JSON.parse(output) as readonly Tarball[];
  if (packed === undefined) throw new Error(`npm pack packed nothing: ${output}`);
  return packed;
}

/** By npm, but without the network: what the package depends on comes from our own `node_modules`. */
async function install(): Promise<void> {
  cpSync(consumerSources, consumer, { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(staging, 'package.json'), 'utf8')) as Manifest;
  const near = Object.keys(dependencies).map((name) => [
    name,
    `file:${join(repository, 'node_modules', name)}`,
  ]);
  writeFileSync(
    join(consumer, 'package.json'),
    JSON.stringify({ type: 'module', private: true, dependencies: Object.fromEntries(near) }),
  );
  const flags = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await execute('npm', ['install', ...flags, join(workshop, tarball.filename)], consumer);
}

async function execute(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await run(command, args, { cwd })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** Runs in the consumer's folder, with the Node of these tests and nothing else. */
function node(...args: string[]): Promise<string> {
  return execute(process.execPath, args, consumer);
}

function importing(specifier: string): Promise<string> {
  return node(
    '--input-type=module',
    '--eval',
    `console.log(Object.keys(await import('${specifier}')).length)`,
  );
}

describe('the tarball', () => {
  it('holds the built product and what a reader needs, and nothing else', () => {
    const strangers = tarball.files
      .map(({ path }) => path)
      .filter((path) => !/^dist\/(src|legacy|adapters)\/.+\.(js|d\.ts)$/.test(path));
    expect(strangers.toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'MIGRATION.md',
      'README.md',
      'package.json',
    ]);
  });

  it('leaves at home what only examples and tests need', () => {
    const paths = tarball.files.map(({ path }) => path);
    expect(paths.filter((path) => /embedded-postgres|examples|bench|test\//.test(path))).toEqual([]);
  });

  it('stays small', () => {
    expect(tarball.files.length).toBeGreaterThan(100);
    expect(tarball.size).toBeLessThan(400 * 1024);
  });
});

describe('the installed package', () => {
  it('brings its dependencies and no peer', () => {
    const scopes = readdirSync(join(consumer, 'node_modules')).filter((name) => !name.startsWith('.'));
    const expected = [
      'handover',
      ...Object.keys(manifest.dependencies).map((name) => name.replace(/\/.*/, '')),
    ];
    expect(scopes.toSorted()).toEqual(expected.toSorted());
  });

  it('asks for no peer that is not optional', () => {
    const required = Object.keys(manifest.peerDependencies).filter(
      (name) => manifest.peerDependenciesMeta[name]?.optional !== true,
    );
    expect(required).toEqual([]);
  });

  it('has a file and its types behind every door', () => {
    const doors = entries.filter(([name]) => name !== './package.json');
    const missing = doors
      .flatMap(([, target]) => [target, target.replace(/\.js$/, '.d.ts')])
      .filter((path) => !existsSync(join(installed, path)));
    expect(doors.length).toBeGreaterThanOrEqual(4);
    expect(missing).toEqual([]);
  });

  it('publishes, records broadcasts and captures events in plain Node', async () => {
    expect(JSON.parse(await node('plain.mjs'))).toEqual({
      heard: ['published', 'broadcast'],
      captured: ['broadcast'],
      version: 0,
    });
  });

  it('does so for CommonJS, by require()', async () => {
    expect(JSON.parse(await node('plain.cjs'))).toEqual({
      heard: ['published'],
      captured: ['broadcast'],
      version: 0,
    });
  });

  it('opens every door that needs no peer without one', async () => {
    const open = entries
      .map(([name]) => name)
      .filter((name) => !['./mikro-orm', './bullmq', './package.json'].includes(name));
    for (const name of open) await importing(`handover${name.slice(1)}`);
    expect(open).toEqual(expect.arrayContaining(['.', './legacy', './testing']));
  });

  it('brings the command line along', async () => {
    expect(await execute('node_modules/.bin/handover', ['--help'], consumer)).toContain(
      'shows where every pair stands',
    );
  });

  it('names the peer that a door misses', async () => {
    await expect(importing('handover/mikro-orm')).rejects.toThrow(/Cannot find package '@mikro-orm\/\w+'/);
    await expect(importing('handover/bullmq')).rejects.toThrow("Cannot find package 'bullmq'");
  });
});

describe('a consumer in TypeScript', () => {
  const compiler = join(repository, 'node_modules/typescript/bin/tsc');

  beforeAll(() => {
    const packages = [
      '@types/node',
      '@types/pg',
      '@jest/globals',
      'zod',
      ...Object.keys(manifest.peerDependencies),
    ];
    for (const name of packages) {
      const link = join(consumer, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(repository, 'node_modules', name), link);
    }
  });

  it('comes in by every door', () => {
    const text = readdirSync(consumerSources)
      .filter((name) => /\.c?ts$/.test(name))
      .map((name) => readFileSync(join(consumerSources, name), 'utf8'))
      .join('\n');
    const unused = entries
      .filter(([name]) => name !== './package.json')
      .map(([name]) => `'handover${name.slice(1)}'`)
      .filter((specifier) => !text.includes(specifier));
    expect(unused).toEqual([]);
  });

  it(
    'compiles with skipLibCheck',
    async () => {
      expect(await node(compiler, '--project', '.')).toBe('');
    },
    patience,
  );

  it(
    'compiles without skipLibCheck',
    async () => {
      // MikroORM's own declarations want these libraries, and do not compile with exactOptionalPropertyTypes.
      const libraries = ['--lib', 'es2024,esnext.disposable,esnext.temporal'];
      const flags = ['--skipLibCheck', 'false', '--exactOptionalPropertyTypes', 'false', ...libraries];
      expect(await node(compiler, '--project', '.', ...flags)).toBe('');
    },
    patience,
  );

  it('opens the doors of its peers', async () => {
    expect(Number(await importing('handover/mikro-orm'))).toBeGreaterThan(0);
    expect(Number(await importing('handover/bullmq'))).toBeGreaterThan(0);
  });
});
