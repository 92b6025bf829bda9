import type { WhyEvent } from '../delivery/why.js';
import type { EventLog } from '../log/event-log.js';

/** The record as it is, also where its class cannot read it any more. */
export async function storedEvent(log: EventLog, id: string): Promise<WhyEvent | undefined> {
  const query = {
    stream: undefined,
    direction: 'forward',
    order: 'append',
    types: undefined,
    ids: [id],
    after: undefined,
    before: undefined,
    newerThan: undefined,
    olderThan: undefined,
    limit: 1,
  } as const;
  for await (const [record] of log.read(query, 1)) {
    if (record === undefined) break;
    const { type, timestamp, position } = record;
    return { id, type, timestamp, position };
  }
  return undefined;
}
