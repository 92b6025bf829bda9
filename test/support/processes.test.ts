import { describe, expect, it } from '@jest/globals';
import { runInProcess } from './processes.js';

const echo = new URL('./echo.ts', import.meta.url);

describe('a program in a process of its own', () => {
  it('is TypeScript with decorators, and talks in lines', async () => {
    await using program = runInProcess(echo, { args: ['to', 'you'], env: { ECHO: 'too' } });
    expect(await program.nextLine()).toBe('loud: true');
    program.send('hello');
    program.send('again');
    expect([await program.nextLine(), await program.nextLine()]).toEqual([
      'hello! to you too',
      'again! to you too',
    ]);
    program.send('quit');
    expect(await program.exited()).toEqual({ code: 3, signal: null, stderr: 'bye\n' });
  });

  it('can be killed', async () => {
    await using program = runInProcess(echo);
    await program.nextLine();
    program.kill('SIGKILL');
    expect(await program.exited()).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  it('says why no further line comes', async () => {
    await using program = runInProcess(echo);
    await program.nextLine();
    program.send('quit');
    await expect(program.nextLine()).rejects.toThrow(/ended \(3\) before it wrote another line.*\n.*bye/);
  });

  it('is waited for no longer than the patience allows', async () => {
    await using program = runInProcess(new URL('./silence.ts', import.meta.url), { patience: 300 });
    await expect(program.nextLine()).rejects.toThrow(/wrote no line within 300 ms/);
  });
});
