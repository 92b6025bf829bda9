import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ReleaseMessage, ReleaseOrder } from './release-process.js';
import type { ReleaseFacts } from './release.js';

export interface ReleaseProcess {
  /** A module that calls `serveRelease`. */
  readonly program: URL;
  /** Options of Node; default: those of this process. */
  readonly execArgv?: readonly string[] | undefined;
  readonly onReceived: () => void;
  /** Ends it early. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs a release in a process of its own, as a deployment would, and ends it. */
export async function startRelease(
  { program, execArgv = process.execArgv, onReceived, signal }: ReleaseProcess,
  order: ReleaseOrder,
): Promise<ReleaseFacts> {
  signal?.throwIfAborted();
  const child = fork(program, { execArgv: [...execArgv], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const stop = () => void child.kill('SIGKILL');
  signal?.addEventListener('abort', stop);
  try {
    child.send(order);
    return await new Promise<ReleaseFacts>((resolve, reject) => {
      child.on('message', (message) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `serveRelease` sends them
        const told = message as ReleaseMessage;
        if (told === 'received') onReceived();
        else if ('facts' in told) resolve(told.facts);
        else reject(new Error(told.failed));
      });
      child.once('error', reject);
      ended.then(
        ([code, by]) => reject(new Error(`The release ended early (${String(by ?? code)}).`)),
        reject,
      );
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    if (child.connected) child.disconnect();
    await ended.catch(() => undefined);
  }
}
