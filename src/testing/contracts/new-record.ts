import { v7 as uuidv7 } from 'uuid';
import type { NewRecord } from '../../log/event-log.js';

/** A record as the store would hand it to a log, with an id of its own. */
export function newRecord(
  type = 'SomethingHappened',
  data: unknown = {},
  overrides: Partial<NewRecord> = {},
): NewRecord {
  return {
    id: uuidv7(),
    type,
    schemaVersion: 1,
    data: JSON.stringify(data),
    metadata: '{}',
    dates: undefined,
    timestamp: undefined,
    validAt: undefined,
    ...overrides,
  };
}

export function newRecords(count: number, overrides: Partial<NewRecord> = {}): readonly NewRecord[] {
  return Array.from({ length: count }, (_, nth) => newRecord('SomethingHappened', { nth }, overrides));
}
