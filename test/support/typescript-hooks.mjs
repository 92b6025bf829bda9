// Runs the project's TypeScript, decorators included, without a build:
//   node --import ./test/support/typescript-hooks.mjs some-file.ts
// What the files mean is said in one place, jest.config.mjs.
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformSync } from '@swc/core';
import jestConfig from '../../jest.config.mjs';

const root = new URL('../../', import.meta.url);
const [, swcOptions] = jestConfig.transform['^.+\\.ts$'];
const doors = Object.entries(jestConfig.moduleNameMapper)
  .filter(([pattern]) => pattern.startsWith('^handover'))
  .map(([pattern, file]) => [new RegExp(pattern), new URL(file.replace('<rootDir>/', ''), root).href]);

process.setSourceMapsEnabled(true);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const source = isOurs(context.parentURL) ? sourceOf(specifier, context.parentURL) : undefined;
    return source === undefined ? nextResolve(specifier, context) : { url: source, shortCircuit: true };
  },
  load(url, context, nextLoad) {
    return isOurs(url) && url.endsWith('.ts')
      ? { format: 'module', source: transformed(fileURLToPath(url)), shortCircuit: true }
      : nextLoad(url, context);
  },
});

function isOurs(url) {
  return url?.startsWith(root.href) === true && !url.includes('/node_modules/');
}

function sourceOf(specifier, parent) {
  const door = doors.find(([pattern]) => pattern.test(specifier));
  if (door !== undefined) return door[1];
  if (!/^\.{1,2}\/.*\.js$/.test(specifier)) return undefined;
  const source = new URL(specifier.replace(/\.js$/, '.ts'), parent);
  return existsSync(source) ? pathToFileURL(fileURLToPath(source)).href : undefined;
}

function transformed(filename) {
  return transformSync(readFileSync(filename, 'utf8'), { ...swcOptions, filename, swcrc: false }).code;
}
