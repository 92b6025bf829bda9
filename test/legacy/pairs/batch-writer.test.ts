import { describe, expect, it } from '@jest/globals';
import { defineEvent, EventStore, memoryLog } from 'handover';
import { BatchWriter } from '../../../legacy/pairs/batch-writer.js';

class Noted extends defineEvent<{ note: number }>('Noted') {}

describe('a writer of batches', () => {
  // Seen failing with a loop until nothing waits: each event that came meanwhile was an append of its own.
  it('leaves what comes while it writes for its next batch', async () => {
    const log = memoryLog();
    const sizes: number[] = [];
    const writer = new BatchWriter({
      store: new EventStore({
        log: {
          ...log,
          append: async (appends) => {
            sizes.push(appends.flatMap(({ records }) => records).length);
            if (sizes.length === 1) for (let note = 2; note < 5; note += 1) writer.add(new Noted({ note }));
            return log.append(appends);
          },
        },
      }),
      stream: 'notes',
      report: (error) => {
        throw error;
      },
    });
    writer.add(new Noted({ note: 0 }));
    writer.add(new Noted({ note: 1 }));
    await writer.settled();
    expect(sizes).toEqual([2]);
    await writer.settled();
    expect(sizes).toEqual([2, 3]);
  });
});
