import { describe, expect, it } from '@jest/globals';
import { deepFreeze } from '../../../src/mapping/freeze.js';
import { restoreDates, reviveDates } from '../../../src/mapping/restore-dates.js';

const text = '2024-01-01T00:00:00.000Z';
const date = new Date(text);

describe('restoring dates', () => {
  it('changes the places noted and no other text that looks alike', () => {
    const read = restoreDates({ a: [{ at: text }], note: text }, [['a', 0, 'at']]);
    expect(read).toStrictEqual({ a: [{ at: date }], note: text });
  });

  it('restores a payload that is a date as a whole', () => {
    expect(restoreDates(text, [[]])).toStrictEqual(date);
  });

  it('freezes the result, dates too', () => {
    const read = restoreDates({ at: text, more: { a: 1 } }, [['at']]);
    expect(Object.isFrozen(read)).toBe(true);
    const at = restoreDates(text, [[]]);
    expect(() => at instanceof Date && at.setHours(1)).toThrow(TypeError);
  });

  it('passes over paths that lead nowhere or to no date', () => {
    const data = { a: 1, b: 'soon', c: null };
    const paths = [['a'], ['b'], ['c', 'd'], ['x', 0], ['missing'], ['a', 'b', 'c'], ['b', 'length']];
    expect(restoreDates({ ...data }, paths)).toStrictEqual(data);
  });

  it('never reaches a prototype', () => {
    restoreDates({}, [
      ['__proto__', 'polluted'],
      ['constructor', 'name'],
      ['constructor', 'prototype', 'polluted'],
    ]);
    expect('polluted' in {}).toBe(false);
    expect(Object.name).toBe('Object');
  });

  it('leaves the data open for upcasts when asked for dates only', () => {
    const data: Record<string, unknown> = { at: text };
    expect(reviveDates(data, [['at']])).toBe(data);
    data['more'] = 1;
    const { at } = data;
    expect(at instanceof Date && at.setTime(0)).toBe(0);
  });
});

describe('deep freezing', () => {
  it('goes beyond parts that are frozen already, and stops at circles', () => {
    const value: { frozen: { inner: { a: number } }; self?: unknown } = {
      frozen: Object.freeze({ inner: { a: 1 } }),
    };
    value.self = value;
    expect(Object.isFrozen(deepFreeze(value).frozen.inner)).toBe(true);
  });

  it('leaves instances of classes and binary data alone', () => {
    class Connection {
      state = 'open';
    }
    const value = deepFreeze({ connection: new Connection(), bytes: new Uint8Array(2) });
    value.connection.state = 'closed';
    value.bytes[0] = 1;
    expect(value).toMatchObject({ connection: { state: 'closed' } });
  });

  it('takes any depth', () => {
    let value: unknown[] = [];
    for (let level = 0; level < 100_000; level++) value = [value];
    expect(Object.isFrozen(deepFreeze(value)[0])).toBe(true);
  });
});
