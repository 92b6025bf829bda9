import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { run } from '../../../adapters/cli/index.js';
import { Pair } from '../../../legacy/pairs/pair.js';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

let database: TestDatabase;

beforeEach(async () => {
  database = await createDatabase();
  process.env['DATABASE_URL'] = database.url;
});

afterEach(async () => {
  jest.restoreAllMocks();
  await database.drop();
});

async function handover(config: string, ...args: string[]) {
  let [out, err] = ['', ''];
  const path = fileURLToPath(new URL(`./${config}.config.ts`, import.meta.url));
  const terminal = { out: (text: string) => (out += text), err: (text: string) => (err += text) };
  const code = await run(['--config', path, ...args], terminal);
  return { code, out, err };
}

describe('handover migrate', () => {
  // Seen failing where every command waits for the ledgers of the pairs first: there is no table to read.
  it('makes the schema without waiting for the ledgers of pairs', async () => {
    const ready = jest.spyOn(Pair.prototype, 'ready');
    // A pair that follows its ledger in the background may come before the schema.
    jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    expect(await handover('stored', 'migrate')).toEqual({
      code: 0,
      out: 'The schema is up to date.\n',
      err: '',
    });
    expect(ready).not.toHaveBeenCalled();
    expect(await handover('stored', 'stages')).toMatchObject({ code: 0, err: '' });
    expect(ready).toHaveBeenCalledTimes(1);
  });

  // Seen failing where a configuration without a bus is refused.
  it('does without a bus, unlike what shows pairs', async () => {
    expect(await handover('store-only', 'migrate')).toMatchObject({ code: 0, err: '' });
    expect(await handover('store-only', 'stages')).toMatchObject({
      code: 2,
      err: expect.stringContaining('gives no bus'),
    });
  });
});
