import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** A process that outlives this one by a moment and takes the server with it. */
export interface Guard {
  /** Which process to end; `undefined` while none runs. */
  watch(pid: number | undefined): void;
  /** Ends the guard. It then ends what it watches and removes the folders. */
  release(): void;
}

/**
 * Its input closes when this process ends, in whatever way: `kill -9` leaves no other signal. The process is told
 * by number instead of being read from the data folder, where an old number may belong to somebody else by now.
 */
const script = `
trap '' INT TERM HUP
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -QUIT "$pid"
  tries=0
  while kill -0 "$pid" && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL "$pid"
fi 2>/dev/null
rm -rf -- "$@"
`;

export function startGuard(folders: readonly string[]): Guard {
  const shell = spawn('/bin/sh', ['-c', script, 'postgres-guard', ...folders], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', ignore);
  shell.stdin.on('error', ignore);
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return {
    watch: (pid) => void shell.stdin.write(`${pid ?? ''}\n`),
    release: () => void shell.stdin.end(),
  };
}

/** Without a guard the server still stops with `stop()`. */
function ignore(): void {}
