import { describe, expect, it } from '@jest/globals';
import { v5 } from 'uuid';
import { nameId } from '../../../legacy/pairs/name-id.js';

describe('the id of a name', () => {
  it.each(['', 'receipts', 'ä', '0'.repeat(1_000)])('is its UUID of version 5, as for %j', (name) => {
    const namespace = '6b0f7f3e-52a4-5d0c-8a1d-94c6f3f2a0b1';
    expect(nameId(name, namespace)).toBe(v5(name, namespace));
  });
});
