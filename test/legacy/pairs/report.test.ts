import { describe, expect, it } from '@jest/globals';
import { effectPort } from 'handover';
import 'handover/testing/jest';
import { paired } from './paired.js';
import type { Sides } from './compared.js';

const mails = effectPort('mails', { send: (..._args: unknown[]) => undefined });
const nothing = () => undefined;

async function findingsOf(sides: Sides) {
  const { pair, pay } = paired(sides);
  await pay(1);
  const lines = (await pair.report()).text.split('\n');
  return lines.slice(lines.findIndex((line) => line.includes('1 × mismatch')) + 1);
}

describe('the report of a pair', () => {
  it('shows short values of both sides on one line', async () => {
    const lines = await findingsOf({
      listener: () => mails.send('a', 1),
      handler: () => mails.send('b', null),
    });
    expect(lines).toEqual([
      '      mails.send › 0: listener "a", handler "b"',
      '      mails.send › 1: listener 1, handler null',
    ]);
  });

  it('brings each effect together with the one that is most like it, and with no other', async () => {
    const lines = await findingsOf({
      listener: () => [mails.send({ a: 1, b: 1 }), mails.send({ a: 2, b: 1 }), mails.send({ a: 5, b: 5 })],
      handler: () => [mails.send({ a: 6, b: 6 }), mails.send({ a: 2, b: 2 })],
    });
    expect(lines).toEqual([
      '      mails.send › 0 › b: listener 1, handler 2',
      '      mails.send › 0 › a: listener 1, handler 6',
      '      mails.send › 0 › b: listener 1, handler 6',
      '      mails.send: listener {"kind":"call","port":"mails","method":"send","args":[{"a":5,"b":5}]}, handler nothing',
    ]);
  });

  it('shows long values from shortly before the place where they part', async () => {
    const start = 'the same start '.repeat(40);
    const lines = await findingsOf({
      listener: () => mails.send(`${start}but ann${' and the same end'.repeat(40)}`),
      handler: () => mails.send(`${start}but bob${' and the same end'.repeat(40)}`),
    });
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe('      mails.send › 0:');
    expect(lines[1]).toMatch(/^ {8}- listener ….{0,40}start but ann and the same end.*…$/);
    expect(lines[2]).toMatch(/^ {8}\+ handler {2}….{0,40}start but bob and the same end.*…$/);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(230);
  });

  it('shows where one long value goes on and the other ends', async () => {
    const start = 'x'.repeat(500);
    const lines = await findingsOf({
      listener: () => mails.send(start),
      handler: () => mails.send(`${start} and more`),
    });
    expect(lines).toEqual([
      `      mails.send › 0: listener …${'x'.repeat(30)}", handler …${'x'.repeat(30)} and more"`,
    ]);
  });

  it('shortens an effect that the other side lacks', async () => {
    const lines = await findingsOf({ listener: () => mails.send('y'.repeat(2_000)), handler: nothing });
    expect(lines).toEqual([
      '      mails.send:',
      expect.stringMatching(/^ {8}- listener \{"kind":"call","port":"mails","method":"send","args":\["y+…$/),
      '        + handler  nothing',
    ]);
    expect(lines[1]?.length).toBeLessThan(230);
  });
});
