import assert from 'node:assert/strict';
import type { RequiredVersion } from '../../events/expected-version.js';
import { DuplicateEvent, EventNotFound, WrongExpectedVersion } from '../../errors/log-errors.js';
import type {
  Append,
  AppendFailure,
  AppendOutcome,
  EventLog,
  EventRecord,
  NewRecord,
  ReadQuery,
  Stored,
} from '../../log/event-log.js';
import { wholeLog } from '../../log/whole-log.js';

export type Query = Partial<ReadQuery>;

/** The whole global order, forward, but for what is given. */
export function queryOf(query: Query = {}): ReadQuery {
  return { ...wholeLog, ...query };
}

export async function read(log: EventLog, query: Query = {}, batchSize = 100): Promise<EventRecord[]> {
  return (await batches(log, query, batchSize)).flat();
}

export async function batches(
  log: EventLog,
  query: Query,
  batchSize: number,
): Promise<(readonly EventRecord[])[]> {
  const all: (readonly EventRecord[])[] = [];
  for await (const batch of log.read(queryOf(query), batchSize)) all.push(batch);
  return all;
}

export async function readIds(log: EventLog, query: Query = {}, batchSize = 100): Promise<string[]> {
  return idsOf(await read(log, query, batchSize));
}

export function idsOf(records: Iterable<{ readonly id: string }>): string[] {
  return Array.from(records, (record) => record.id);
}

export function appendOf(
  stream: string | undefined,
  records: readonly NewRecord[],
  expected?: RequiredVersion,
): Append {
  return { stream, expected, records };
}

/** The answer to a call with this one append. */
export async function attempt(log: EventLog, append: Append): Promise<AppendOutcome> {
  const outcomes = await log.append([append]);
  assert.equal(outcomes.length, 1, 'one append, one answer');
  const outcome = outcomes[0];
  assert.ok(outcome);
  return outcome;
}

/** Appends without an expected version. */
export async function store(
  log: EventLog,
  stream: string | undefined,
  ...records: readonly NewRecord[]
): Promise<Stored> {
  return storedOf(await attempt(log, appendOf(stream, records)));
}

export function storedOf(outcome: AppendOutcome | undefined): Stored {
  assert.ok(outcome, 'an answer for each append');
  if ('failure' in outcome) assert.fail(outcome.failure);
  return outcome.stored;
}

export function failureOf(outcome: AppendOutcome | undefined): AppendFailure {
  assert.ok(outcome, 'an answer for each append');
  if (!('failure' in outcome)) assert.fail('the append was stored; it has to be refused');
  return outcome.failure;
}

export function assertDuplicate(error: unknown, eventId: string): true {
  assert.ok(error instanceof DuplicateEvent, `a DuplicateEvent, not ${String(error)}`);
  assert.equal(error.eventId, eventId);
  return true;
}

export function assertConflict(
  error: unknown,
  facts: Pick<WrongExpectedVersion, 'stream' | 'expected' | 'actual'>,
): true {
  assert.ok(error instanceof WrongExpectedVersion, `a WrongExpectedVersion, not ${String(error)}`);
  const { stream, expected, actual } = error;
  assert.deepEqual({ stream, expected, actual }, facts);
  return true;
}

export function assertNotFound(error: unknown, eventId: string): true {
  assert.ok(error instanceof EventNotFound, `an EventNotFound, not ${String(error)}`);
  assert.equal(error.eventId, eventId);
  return true;
}

/** The versions of a stream of which nothing was deleted or linked have neither gaps nor duplicates. */
export async function assertDense(log: EventLog, stream: string, length: number): Promise<void> {
  const versions = (await read(log, { stream })).map((record) => record.version);
  assert.deepEqual(
    versions,
    Array.from({ length }, (_, version) => version),
  );
}
