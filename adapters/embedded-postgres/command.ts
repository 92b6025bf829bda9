import { execFile } from 'node:child_process';
import type { Account } from './account.js';

export interface Outcome {
  readonly succeeded: boolean;
  /** Standard output, or standard error and the reason when it failed. */
  readonly output: string;
}

export interface Surroundings {
  readonly account?: Account | undefined;
  /** Must be readable for the account: PostgreSQL's tools look at where they are. */
  readonly cwd?: string;
}

/** Runs one command, for 60 seconds at most. Never rejects. */
export async function run(command: string, args: readonly string[], at: Surroundings = {}): Promise<Outcome> {
  const options = { ...at.account, cwd: at.cwd ?? '/', env: environment(), timeout: 60_000 };
  return new Promise((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve(
        error === null
          ? { succeeded: true, output: stdout.trim() }
          : { succeeded: false, output: `${stderr}\n${error.message}`.trim() },
      );
    });
  });
}

/** The caller's `PG…`, locale and time zone variables must not shape a server that others rely on. */
export function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}
