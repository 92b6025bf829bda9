import { afterAll } from '@jest/globals';
import { startProgram, type Program, type ProcessOptions } from './program.js';

export type { ProcessEnd, ProcessOptions } from './program.js';

/** A test program in a process of its own. It is killed after the test file at the latest. */
export type TestProcess = Program;

const running = new Set<TestProcess>();

/**
 * Runs a TypeScript program of the tests, decorators and `handover` imports included.
 *
 * @param script A path or `file:` URL, for example `new URL('./crashing-worker.ts', import.meta.url)`.
 */
export function runInProcess(script: string | URL, options: ProcessOptions = {}): TestProcess {
  const program = startProgram(script, options);
  running.add(program);
  void program.ended.then(() => running.delete(program));
  return program;
}

afterAll(async () => {
  await Promise.all([...running].map((program) => program[Symbol.asyncDispose]()));
});
