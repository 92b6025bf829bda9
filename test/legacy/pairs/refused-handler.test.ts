import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { EventStore, memoryLog, type EventLog } from 'handover';
import { paired } from './paired.js';

// Seen failing with the ledger read before the handler was looked at, and then each second for ever.
it.each([
  ['runs in the transaction', { run: 'in-transaction' }],
  ['is no handler to the store', { run: 'now and then' }],
])('a pair whose handler %s is refused, and follows no ledger', async (_, subscribe) => {
  const log = memoryLog();
  const asked: unknown[] = [];
  const read: EventLog['read'] = (query, batchSize) => {
    asked.push(query.stream);
    return log.read(query, batchSize);
  };
  const sides = { listener: () => undefined, handler: () => undefined };
  const store = new EventStore({ log: { ...log, read } });
  expect(() => paired(sides, { store, subscribe })).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
  await nextTurn();
  expect(asked).toEqual([]);
});
