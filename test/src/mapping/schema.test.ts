import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { InvalidPayload } from '../../../src/errors/event-errors.js';
import { validate } from '../../../src/mapping/schema.js';

const order = z.object({
  id: z.string().trim(),
  items: z.array(z.object({ price: z.number(), 'tax rate': z.number() })),
});

/** A validator that keeps to no type, as JavaScript allows. */
function schemaOf(run: () => ReturnType<typeof JSON.parse>): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate: run } };
}

function failure(schema: StandardSchemaV1, data: unknown): InvalidPayload {
  try {
    validate('OrderPlaced', schema, data);
  } catch (error) {
    if (error instanceof InvalidPayload) return error;
    throw error;
  }
  throw new Error('Expected InvalidPayload.');
}

describe('a schema', () => {
  it('answers at once with its output when it is synchronous', () => {
    expect(validate('OrderPlaced', order, { id: ' 7 ', items: [] })).toEqual({ id: '7', items: [] });
  });

  it('answers with a promise when it is asynchronous', async () => {
    const slow = z.string().transform((value) => Promise.resolve(value.length));
    const answer = validate('OrderPlaced', slow, 'four');
    expect(answer).toBeInstanceOf(Promise);
    await expect(answer).resolves.toBe(4);
  });

  it('refuses one bad value with its path and the reason', () => {
    const error = failure(order, { id: '7', items: [{ price: 'x', 'tax rate': 1 }] });
    expect(error).toMatchObject({
      code: 'invalid_payload',
      eventType: 'OrderPlaced',
      path: '$.items[0].price',
    });
    expect(error.reason).toMatch(/^the schema refuses the value \(.*expected number.*\)$/);
    expect(error.message).toMatch(/→ .*defineEvent/);
  });

  it('names up to three bad values with their paths, and counts the rest', () => {
    const error = failure(order, { id: 7, items: [{}, {}] });
    expect(error.path).toBe('$.id');
    expect(error.reason).toMatch(
      /has 5 complaints \(\$\.id: .*; \$\.items\[0\]\.price: .*; \$\.items\[0\]\["tax rate"\]: .*; and 2 more\)/,
    );
    expect(error.reason).not.toContain('$.items[1]');
  });

  it('rejects with the same error when it is asynchronous', async () => {
    const taken = z.object({ id: z.string().refine(() => Promise.resolve(false), 'is taken') });
    await expect(validate('OrderPlaced', taken, { id: '7' })).rejects.toMatchObject({
      code: 'invalid_payload',
      path: '$.id',
      reason: 'the schema refuses the value (is taken)',
    });
  });

  it('is blamed when its validator throws, rejects or answers nonsense', async () => {
    const cause = new Error('broken');
    const throwing = schemaOf(() => {
      throw cause;
    });
    expect(failure(throwing, {})).toMatchObject({ path: '$', cause });
    const rejecting = schemaOf(() => Promise.reject(cause));
    await expect(validate('OrderPlaced', rejecting, {})).rejects.toMatchObject({
      code: 'invalid_payload',
      cause,
    });
    expect(
      failure(
        schemaOf(() => undefined),
        {},
      ),
    ).toMatchObject({ path: '$', cause: expect.any(TypeError) });
  });

  it('may write path segments as objects, and may leave path and reason out', () => {
    const issue = { message: 'bad', path: [{ key: 'a' }, { key: 0 }, Symbol('s')] };
    expect(
      failure(
        schemaOf(() => ({ issues: [issue] })),
        {},
      ).path,
    ).toBe('$.a[0][Symbol(s)]');
    expect(
      failure(
        schemaOf(() => ({ issues: [{ message: 'bad' }] })),
        {},
      ).path,
    ).toBe('$');
    expect(
      failure(
        schemaOf(() => ({ issues: [] })),
        {},
      ).reason,
    ).toMatch(/without a reason/);
  });

  it('has long complaints cut short', () => {
    const issues = [{ message: 'x'.repeat(5000) }];
    expect(
      failure(
        schemaOf(() => ({ issues })),
        {},
      ).reason.length,
    ).toBeLessThan(300);
  });
});
