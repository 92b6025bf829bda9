import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runInProcess } from '../../support/processes.js';

let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'handover-throws-'));
});

afterAll(() => rm(place, { recursive: true }));

const start = (act: string, listening = '') =>
  runInProcess(new URL('./floating-throws.ts', import.meta.url), { args: [act, place, listening] });

const acts: readonly (readonly [string, string, string])[] = [
  ['writes a file in a later turn', 'later', 'file /written; an error that nobody caught: EffectForbidden'],
  [
    'starts a process in a later turn',
    'process',
    'process touch; an error that nobody caught: EffectForbidden',
  ],
  ['sends a datagram in a later turn', 'datagram', 'datagram'],
  ['connects in a later turn', 'socket', 'connection to 127.0.0.1:9'],
  ['writes a file in a callback', 'callback', 'file /written'],
  ['opens a stream to a file', 'stream', 'file /written'],
  ['throws in a later turn', 'own', 'an error that nobody caught: Error'],
];

describe('a captured run that goes on by itself', () => {
  it.each(acts)('and %s leaves the process alive', async (_title, act, escapes) => {
    for (const listening of ['', 'listening']) {
      const program = start(act, listening);
      expect(await program.nextLine()).toBe(escapes);
      expect(await program.nextLine()).toBe('written: false');
      expect(await program.exited()).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('leaves to errors of the program the course that they take without it', async () => {
    const alone = start('program');
    await alone.nextLine();
    const end = await alone.exited();
    expect(end).toMatchObject({ code: 1 });
    expect(end.stderr).toContain("throw new Error('of the program')");
    const heard = start('program', 'listening');
    await heard.nextLine();
    expect(await heard.nextLine()).toBe('heard: of the program');
    expect((await heard.exited()).code).toBe(9);
  });
});
