import { DuplicateEvent, EventNotFound, WrongExpectedVersion } from '../../errors/log-errors.js';
import type { RequiredVersion } from '../../events/expected-version.js';
import type { Append, AppendFailure, AppendOutcome, Link, NewRecord } from '../event-log.js';
import { emptyStream, type KeptEvent, type MemoryState, type MemoryStream } from './state.js';

/** Every function here checks first and then changes `state` to the end, so that none is ever half done. */
export function append(state: MemoryState, { stream, expected, records }: Append, now: Date): AppendOutcome {
  if (records.length === 0) return { stored: { firstVersion: undefined, timestamp: now } };
  const failure = findDuplicate(state, records) ?? findConflict(state, stream, expected);
  if (failure !== undefined) return { failure };
  const home = stream === undefined ? undefined : openStream(state, stream);
  const firstVersion = home?.ids.length;
  for (const record of records) {
    const version = home === undefined ? undefined : place(home, record.id);
    state.events.set(record.id, keep(record, now, { home: stream, version, ordinal: state.order.length }));
    state.order.push(record.id);
  }
  return { stored: { firstVersion, timestamp: now } };
}

/** @throws {EventNotFound} {DuplicateEvent} {WrongExpectedVersion} */
export function link(state: MemoryState, { stream, expected, eventIds }: Link): void {
  if (eventIds.length === 0) return;
  const events = eventIds.map((id) => requireEvent(state, id));
  const taken = new Set(state.streams.get(stream)?.ids);
  for (const id of eventIds) {
    if (taken.has(id)) throw new DuplicateEvent(id, stream);
    taken.add(id);
  }
  const conflict = findConflict(state, stream, expected);
  if (conflict !== undefined) throw conflict;
  const target = openStream(state, stream);
  for (const event of events) {
    place(target, event.id);
    state.events.set(event.id, { ...event, links: [...event.links, stream] });
  }
}

export function deleteStream(state: MemoryState, stream: string): void {
  for (const id of state.streams.get(stream)?.ids ?? []) {
    const event = requireEvent(state, id);
    state.events.set(id, withoutStream(event, stream));
  }
  state.streams.delete(stream);
}

/** @throws {EventNotFound} */
export function overwrite(state: MemoryState, records: readonly NewRecord[]): void {
  for (const record of records) requireEvent(state, record.id);
  for (const record of records) {
    const { type, schemaVersion, data, metadata, dates } = record;
    const before = requireEvent(state, record.id);
    const validAt = record.validAt?.getTime() ?? before.validAt;
    state.events.set(record.id, { ...before, type, schemaVersion, data, metadata, dates, validAt });
  }
}

/** @throws {EventNotFound} */
export function requireEvent(state: MemoryState, id: string): KeptEvent {
  const event = state.events.get(id);
  if (event === undefined) throw new EventNotFound(id);
  return event;
}

function findDuplicate(state: MemoryState, records: readonly NewRecord[]): AppendFailure | undefined {
  const met = new Set<string>();
  for (const { id } of records) {
    if (met.has(id) || state.events.has(id)) return new DuplicateEvent(id);
    met.add(id);
  }
  return undefined;
}

function findConflict(
  state: MemoryState,
  stream: string | undefined,
  expected: RequiredVersion,
): AppendFailure | undefined {
  if (stream === undefined || expected === undefined) return undefined;
  const actual = (state.streams.get(stream)?.ids.length ?? 0) - 1;
  if (actual === expected) return undefined;
  return new WrongExpectedVersion(stream, expected === -1 ? 'none' : expected, actual);
}

function openStream(state: MemoryState, name: string): MemoryStream {
  const stream = state.streams.get(name) ?? emptyStream();
  state.streams.set(name, stream);
  return stream;
}

function place(stream: MemoryStream, id: string): number {
  const version = stream.ids.push(id) - 1;
  stream.versions.set(id, version);
  return version;
}

function keep(
  record: NewRecord,
  now: Date,
  where: Pick<KeptEvent, 'home' | 'version' | 'ordinal'>,
): KeptEvent {
  const { id, type, schemaVersion, data, metadata, dates } = record;
  const timestamp = (record.timestamp ?? now).getTime();
  const validAt = record.validAt?.getTime() ?? timestamp;
  return { id, type, schemaVersion, data, metadata, dates, ...where, links: [], timestamp, validAt };
}

function withoutStream(event: KeptEvent, stream: string): KeptEvent {
  if (event.home === stream) return { ...event, home: undefined, version: undefined };
  return { ...event, links: event.links.filter((each) => each !== stream) };
}
