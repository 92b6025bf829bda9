import { describe, expect, it } from '@jest/globals';
import { UpcastFailed } from '../../../src/errors/event-errors.js';
import { upcastData, type Upcasts } from '../../../src/mapping/upcast.js';

type V1 = { name: string };
type V2 = { first: string; last: string };

const upcast: Upcasts = {
  1: ({ name }: V1) => ({ first: name.split(' ')[0], last: name.split(' ')[1] }),
  2: (data: V2) => Object.assign(data, { title: null }),
};

const history = { type: 'PersonNamed', schemaVersion: 3, upcast };
const stored = (schemaVersion: number, data: unknown = {}) => ({ id: 'e-1', schemaVersion, data });

function failure(steps: Upcasts, version: number): unknown {
  try {
    return upcastData({ ...history, upcast: steps }, stored(version));
  } catch (error) {
    return error;
  }
}

describe('upcasting', () => {
  it('takes one step after the other up to the version of the class', () => {
    expect(upcastData(history, stored(1, { name: 'Ada Byron' }))).toEqual({
      first: 'Ada',
      last: 'Byron',
      title: null,
    });
  });

  it('starts at the version that is stored', () => {
    expect(upcastData(history, stored(2, { first: 'Ada', last: 'Byron' }))).toEqual({
      first: 'Ada',
      last: 'Byron',
      title: null,
    });
  });

  it('leaves data of the current version as it is', () => {
    const data = { any: 'thing' };
    expect(upcastData(history, stored(3, data))).toBe(data);
  });

  it.each<[string, Upcasts, number, RegExp]>([
    ['a step is missing', { 2: (data) => data }, 1, /the step from 1 to 2 is missing/],
    ['a later step is missing', { 1: (data) => data }, 1, /the step from 2 to 3 is missing/],
    ['the version is newer than the class', upcast, 4, /knows versions up to 3/],
    ['the version is no whole number', upcast, NaN, /no whole number/],
    ['a step returns nothing', { 2: () => undefined }, 2, /from 2 to 3 returned nothing/],
    ['a step is asynchronous', { 2: () => Promise.reject(new Error('x')) }, 2, /returned a promise/],
  ])('fails when %s', (_, steps, version, problem) => {
    const error = failure(steps, version);
    expect(error).toBeInstanceOf(UpcastFailed);
    expect(error).toMatchObject({ eventType: 'PersonNamed', eventId: 'e-1', storedVersion: version });
    expect(String(error)).toMatch(problem);
  });

  it('fails with what a step threw as the cause', () => {
    const cause = new Error('no name');
    const throwing: Upcasts = {
      2: () => {
        throw cause;
      },
    };
    expect(failure(throwing, 2)).toMatchObject({ code: 'upcast_failed', cause });
  });
});
