import childProcess, { ChildProcess } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import workerThreads, { BroadcastChannel, MessagePort, Worker } from 'node:worker_threads';
import { besidePorts } from './beside-ports.js';
import { all, replaced } from './replaced.js';

type Method = (...args: unknown[]) => unknown;

const synchronous = ['execSync', 'execFileSync', 'spawnSync'] as const;

/**
 * Notices processes and threads that are started, signalled or told something. A captured run can do none of it, nor
 * end the process that it is in.
 */
export function guardProcesses(): () => void {
  channel('worker_threads').subscribe(noticeWorker);
  return all([
    () => {
      channel('worker_threads').unsubscribe(noticeWorker);
    },
    // All that is asynchronous comes by here. The types of Node do not say so.
    replaced(ChildProcess.prototype, 'spawn', guarded(processNamed)),
    ...synchronous.map((name) => replaced(childProcess, name, guarded(processNamed))),
    replaced(process, 'kill', guarded(signalTo)),
    replaced(
      process,
      'exit',
      guarded(() => 'end of the process'),
    ),
    replaced(
      process,
      'abort',
      guarded(() => 'end of the process'),
    ),
    replaced(workerThreads, 'Worker', guardedWorker),
    ...[Worker, MessagePort, BroadcastChannel].map(({ prototype }) =>
      replaced(
        prototype,
        'postMessage',
        guarded(() => 'message to another thread'),
      ),
    ),
  ]);
}

function noticeWorker(): void {
  besidePorts('worker thread');
}

/** @param name What the arguments would do; `undefined`: nothing that anybody notices. */
function guarded(name: (args: readonly unknown[]) => string | undefined): (original: Method) => Method {
  return (original) =>
    function start(this: unknown, ...args) {
      const what = name(args);
      const error = what === undefined ? undefined : besidePorts(what);
      if (error !== undefined) throw error;
      return Reflect.apply(original, this, args);
    };
}

/** The same class for `instanceof`, and to extend. */
function guardedWorker(original: typeof Worker): typeof Worker {
  const guardedClass: typeof Worker = new Proxy(original, {
    construct(target, args: unknown[], newTarget) {
      const error = besidePorts('worker thread');
      if (error !== undefined) throw error;
      return Reflect.construct(target, args, newTarget === guardedClass ? target : newTarget) as object;
    },
  });
  return guardedClass;
}

/** The program alone: arguments may hold secrets. */
function processNamed([given]: readonly unknown[]): string {
  const file: unknown = typeof given === 'object' && given !== null ? Reflect.get(given, 'file') : given;
  return `process ${String(file).split(' ')[0] ?? ''}`;
}

/** Signal 0 asks whether there is such a process. */
function signalTo([id, signal]: readonly unknown[]): string | undefined {
  return signal === 0 ? undefined : `signal to process ${String(id)}`;
}
