import type { ReadQuery } from './event-log.js';

/** Asks for every event there is, in the order of appending. */
export const wholeLog: ReadQuery = {
  stream: undefined,
  direction: 'forward',
  order: 'append',
  types: undefined,
  ids: undefined,
  after: undefined,
  before: undefined,
  newerThan: undefined,
  olderThan: undefined,
  limit: undefined,
};
