import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { repository } from './source-files.js';

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** Where npm looks for a dependency of the package in this folder, nearest first. */
function placesOf(name: string, folder: string): string[] {
  if (folder === '') return [`node_modules/${name}`];
  const parent = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
  return [`${folder}/node_modules/${name}`, ...placesOf(name, parent)];
}

describe('the lockfile', () => {
  // npm ci refuses a lockfile that misses one, and the machine of that platform would get none.
  it('knows the binaries of every platform', () => {
    const wanted = Object.entries(packages).flatMap(([folder, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).map((name) => ({ name, folder })),
    );
    const missing = wanted.filter(({ name, folder }) =>
      placesOf(name, folder).every((place) => packages[place] === undefined),
    );
    expect(wanted.length).toBeGreaterThan(50);
    expect(missing).toEqual([]);
  });
});
