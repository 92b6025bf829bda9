import { HandoverError } from '../../src/index.js';

/** A PostgreSQL server could not be prepared or started. Nothing of it is left behind. */
export class PostgresStartFailed extends HandoverError {
  readonly code = 'postgres_start_failed';
  /** The last lines that the server or its tools printed; empty when none of them ran. */
  readonly log: string;

  constructor(problem: string, remedy: string, output = '', cause?: unknown) {
    const log = lastLines(output);
    super(`PostgreSQL did not start: ${problem}.${log === '' ? '' : `\n${indent(log)}`}`, remedy, cause);
    this.log = log;
  }
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-20).join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
