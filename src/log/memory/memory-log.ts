import type { Append, AppendOutcome, EventLog, EventRecord, ReadQuery } from '../event-log.js';
import type { DeliveryLog } from '../../delivery/delivery-log.js';
import { compareCodePoints } from './code-points.js';
import { memoryDeliveries } from './memory-deliveries.js';
import { MemoryTransactions } from './memory-transactions.js';
import { inBatches, select, toRecord } from './reading.js';
import { sequence } from './registering.js';
import { positionIn, type KeptEvent, type MemoryState } from './state.js';
import { WakeUps } from './wake-ups.js';
import * as writing from './writing.js';

export interface MemoryLogOptions {
  /** Default: the system's. */
  readonly clock?: () => Date;
  /** Default 10 000. Beyond, recording in a transaction throws `TransactionTooLarge`. */
  readonly maxEventsPerTransaction?: number;
}

export interface MemoryLog extends EventLog {
  readonly deliveries: DeliveryLog;

  /**
   * Runs `work` in a transaction: what is recorded in it stays when `work` resolves and vanishes when it rejects.
   * Within a transaction it is a savepoint. Others see the committed state meanwhile, and their writes wait; a
   * transaction that awaits such a write waits for ever.
   */
  transaction<T>(work: () => Promise<T>): Promise<T>;
}

/** A log that lives as long as this object: for unit tests, and as the reference of what a log does. */
export function memoryLog({
  clock = () => new Date(),
  maxEventsPerTransaction = 10_000,
}: MemoryLogOptions = {}): MemoryLog {
  const appendTo = (state: MemoryState, appends: readonly Append[]): readonly AppendOutcome[] => {
    const now = new Date(clock());
    return appends.map((each) => writing.append(state, each, now));
  };
  const wakeUps = new WakeUps();
  const now = () => clock().getTime();
  const transactions = new MemoryTransactions(appendTo, maxEventsPerTransaction, committing(wakeUps, now));

  return {
    name: 'memory',
    // Unit tests run code that names its entity manager; here it has nothing to say.
    publishOptions: ['em'],
    transactions,
    deliveries: memoryDeliveries(transactions, wakeUps, now),
    transaction: (work) => transactions.run(() => work()),
    migrate: async () => {},
    append: (appends) => transactions.change((state) => appendTo(state, appends)),
    link: (link) => transactions.change((state) => writing.link(state, link)),
    deleteStream: (stream) => transactions.change((state) => writing.deleteStream(state, stream)),
    overwrite: (records) => transactions.change((state) => writing.overwrite(state, records)),
    read: (query, batchSize) => read(transactions, query, batchSize),
    count: async (query) => countOf(select(await transactions.visible(), query)),
    streamsOf: async (eventId) => streamsOf((await transactions.visible()).events.get(eventId)),
    versionIn: async (stream, eventId) =>
      (await transactions.visible()).streams.get(stream)?.versions.get(eventId),
    positionOf: async (eventId) => positionOf(await transactions.visible(), eventId),
    searchStreams: async (prefix, limit) => search(await transactions.visible(), prefix, limit),
    close: async () => {},
  };
}

function committing(wakeUps: WakeUps, now: () => number): (state: MemoryState) => void {
  let announced = 0;
  return (state) => {
    sequence(state, now());
    const { madeDue } = state.deliveries;
    if (madeDue !== announced) wakeUps.announce();
    announced = madeDue;
  };
}

async function* read(
  transactions: MemoryTransactions,
  query: ReadQuery,
  batchSize: number,
): AsyncGenerator<readonly EventRecord[]> {
  const state = await transactions.visible();
  for (const batch of inBatches(select(state, query), batchSize)) {
    yield batch.map((event) => toRecord(state, event));
  }
}

function countOf(events: Iterable<KeptEvent>): number {
  let count = 0;
  for (const _ of events) count += 1;
  return count;
}

function streamsOf(event: KeptEvent | undefined): readonly string[] {
  if (event === undefined) return [];
  return event.home === undefined ? [...event.links] : [event.home, ...event.links];
}

function positionOf(state: MemoryState, eventId: string): bigint | undefined {
  const event = state.events.get(eventId);
  return event && positionIn(state, event);
}

function search(state: MemoryState, prefix: string, limit: number): readonly string[] {
  const found = [...state.streams.keys()].filter((name) => name.startsWith(prefix));
  return found.toSorted(compareCodePoints).slice(0, limit);
}
