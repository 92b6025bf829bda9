import childProcess, { ChildProcess } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { besidePorts } from './beside-ports.js';
import { all, replaced } from './replaced.js';

type Method = (...args: unknown[]) => unknown;

const synchronous = ['execSync', 'execFileSync', 'spawnSync'] as const;

/** Notices processes and threads that are started. A captured run cannot start a process. */
export function guardProcesses(): () => void {
  channel('worker_threads').subscribe(noticeWorker);
  return all([
    () => {
      channel('worker_threads').unsubscribe(noticeWorker);
    },
    // All that is asynchronous comes by here. The types of Node do not say so.
    replaced(ChildProcess.prototype, 'spawn', guarded),
    ...synchronous.map((name) => replaced(childProcess, name, guarded)),
  ]);
}

function noticeWorker(): void {
  besidePorts('worker thread');
}

function guarded(original: Method): Method {
  return function start(this: unknown, ...args) {
    const error = besidePorts(`process ${fileOf(args[0])}`);
    if (error !== undefined) throw error;
    return Reflect.apply(original, this, args);
  };
}

/** The program alone: arguments may hold secrets. */
function fileOf(given: unknown): string {
  const file: unknown = typeof given === 'object' && given !== null ? Reflect.get(given, 'file') : given;
  return String(file).split(' ')[0] ?? '';
}
