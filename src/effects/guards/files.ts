import fs from 'node:fs';
import { types } from 'node:util';
import { effectScope } from '../effect-scope.js';
import { besidePorts, refused } from './beside-ports.js';
import { all, replaced } from './replaced.js';

type Method = (...args: unknown[]) => unknown;

const writing = [
  'appendFile',
  'chmod',
  'chown',
  'copyFile',
  'cp',
  'lchmod',
  'lchown',
  'link',
  'lutimes',
  'mkdir',
  'mkdtemp',
  'mkdtempDisposable',
  'rename',
  'rm',
  'rmdir',
  'symlink',
  'truncate',
  'unlink',
  'utimes',
  'writeFile',
] as const;

/**
 * Notices what changes files by their path, or opens them for writing. A captured run cannot. What is written to a
 * file that is open already, such as a log, goes unnoticed.
 */
export function guardFiles(): () => void {
  return all([
    ...writing.flatMap((name) => [
      ...whereItIs(fs, name, calling(inAnyCase)),
      ...whereItIs(fs, `${name}Sync`, throwing(inAnyCase)),
      ...whereItIs(fs.promises, name, rejecting(inAnyCase)),
    ]),
    replaced(fs, 'open', calling(opensForWriting)),
    replaced(fs, 'openSync', throwing(opensForWriting)),
    replaced(fs.promises, 'open', rejecting(opensForWriting)),
    replaced(fs, 'createWriteStream', forgiving),
  ]);
}

/** Some are there in one form, or on one platform, alone. */
function whereItIs(owner: object, name: string, make: (original: Method) => Method): readonly (() => void)[] {
  return typeof Reflect.get(owner, name) === 'function' ? [replaced(owner, name, make)] : [];
}

const inAnyCase: Condition = () => true;

type Condition = (args: readonly unknown[]) => boolean;

function throwing(applies: Condition): (original: Method) => Method {
  return (original) =>
    function guarded(this: unknown, ...args) {
      const error = meet(args, applies);
      if (error !== undefined) throw error;
      return Reflect.apply(original, this, args);
    };
}

/** The callback hears of it, as of any other failure. */
function calling(applies: Condition): (original: Method) => Method {
  return (original) =>
    function guarded(this: unknown, ...args) {
      const error = meet(args, applies);
      if (error === undefined) return Reflect.apply(original, this, args);
      const callback = args.at(-1);
      if (typeof callback !== 'function') throw error;
      process.nextTick(callback, error);
      return undefined;
    };
}

function rejecting(applies: Condition): (original: Method) => Method {
  return (original) =>
    function guarded(this: unknown, ...args) {
      const error = meet(args, applies);
      return error === undefined ? Reflect.apply(original, this, args) : refused(error);
    };
}

/** A stream whose file is refused fails, perhaps with nobody who listens. */
function forgiving(original: typeof fs.createWriteStream): typeof fs.createWriteStream {
  return (path, options) => {
    const stream = original(path, options);
    const mode = effectScope()?.mode ?? 'performed';
    return mode === 'performed' ? stream : stream.on('error', () => undefined);
  };
}

/** A file that is open already is a number or a handle. */
function meet(args: readonly unknown[], applies: Condition) {
  const path = pathOf(args[0]);
  return path !== undefined && applies(args) ? besidePorts(`file ${path}`) : undefined;
}

function pathOf(given: unknown): string | undefined {
  if (typeof given === 'string' || given instanceof URL) return String(given);
  return types.isUint8Array(given) ? Buffer.from(given).toString() : undefined;
}

const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC } = fs.constants;

function opensForWriting([, flags]: readonly unknown[]): boolean {
  if (typeof flags === 'number') return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) !== 0;
  return typeof flags === 'string' && /[wa+]/.test(flags);
}
