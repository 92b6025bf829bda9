import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ProcessOptions {
  readonly args?: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds that each wait takes at most; 30 000 (default). */
  readonly patience?: number;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A program in a process of its own. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** The next line of its standard output. Rejects when it ends or stays silent, with what it wrote to stderr. */
  nextLine(): Promise<string>;
  /** Writes a line to its standard input. */
  send(line: string): void;
  kill(signal?: NodeJS.Signals): void;
  exited(): Promise<ProcessEnd>;
  /** The same, however long it takes. */
  readonly ended: Promise<ProcessEnd>;
}

const hooks = new URL('./typescript-hooks.mjs', import.meta.url).href;

/**
 * Runs a TypeScript program of the tests, decorators and `handover` imports included.
 *
 * @param script A path or `file:` URL, for example `new URL('./crashing-worker.ts', import.meta.url)`.
 */
export function startProgram(script: string | URL, options: ProcessOptions = {}): Program {
  const { args = [], env = {}, patience = 30_000 } = options;
  const path = script instanceof URL ? fileURLToPath(script) : script;
  const child = spawn(process.execPath, ['--import', hooks, path, ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) throw new Error(`Node did not start for ${path}.`);

  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  const lines = on(createInterface(child.stdout), 'line', { close: ['close'] });
  const end = once(child, 'close').then(([code, signal]): ProcessEnd => ({ code, signal, stderr }));
  const bounded = <T>(promise: Promise<T>, wish: string) =>
    withinTime(promise, patience, () => `${path} ${wish} within ${patience} ms.\n${stderr}`);

  const program: Program = {
    pid: child.pid,
    async nextLine() {
      const next = await bounded(lines.next(), 'wrote no line');
      if (next.done !== true) return String(next.value[0]);
      const { code, signal } = await end;
      throw new Error(`${path} ended (${signal ?? code}) before it wrote another line.\n${stderr}`);
    },
    send: (line) => void child.stdin.write(`${line}\n`),
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    ended: end,
    exited: () => bounded(end, 'did not end'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await program.exited();
    },
  };
  return program;
}

async function withinTime<T>(promise: Promise<T>, milliseconds: number, complaint: () => string): Promise<T> {
  const time = AbortSignal.timeout(milliseconds);
  const expired = new Promise<never>((_resolve, reject) => {
    time.addEventListener('abort', () => reject(new Error(complaint())), { once: true });
  });
  return Promise.race([promise, expired]);
}
