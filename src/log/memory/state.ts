import { copyTable, emptyTable, type DeliveryTable } from './delivery-table.js';

/** An event as it is kept: never changed, only replaced, so that copied states may share it. */
export interface KeptEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** JSON text, parsed afresh by each read. */
  readonly data: string;
  readonly metadata: string;
  readonly dates: string | undefined;
  readonly home: string | undefined;
  readonly version: number | undefined;
  /** Further streams, in the order in which it was linked. */
  readonly links: readonly string[];
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly validAt: number;
  /** Place in `MemoryState.order`. */
  readonly ordinal: number;
}

export interface MemoryStream {
  /** By version. */
  readonly ids: string[];
  readonly versions: Map<string, number>;
}

/** Arrays only grow, so that a reader under way is not disturbed; `deleteStream` puts a new one in place. */
export interface MemoryState {
  readonly events: Map<string, KeptEvent>;
  /** Ids as recorded: the global order. */
  readonly order: string[];
  readonly streams: Map<string, MemoryStream>;
  /** How many of `order` have a position. */
  sequenced: number;
  readonly deliveries: DeliveryTable;
}

export function emptyState(): MemoryState {
  return { events: new Map(), order: [], streams: new Map(), sequenced: 0, deliveries: emptyTable() };
}

export function copyState(state: MemoryState): MemoryState {
  const streams = Array.from(state.streams, ([name, stream]) => [name, copyStream(stream)] as const);
  return {
    events: new Map(state.events),
    order: [...state.order],
    streams: new Map(streams),
    sequenced: state.sequenced,
    deliveries: copyTable(state.deliveries),
  };
}

export function emptyStream(): MemoryStream {
  return { ids: [], versions: new Map() };
}

function copyStream(stream: MemoryStream): MemoryStream {
  return { ids: [...stream.ids], versions: new Map(stream.versions) };
}

export function positionIn(state: MemoryState, event: KeptEvent): bigint | undefined {
  return event.ordinal < state.sequenced ? BigInt(event.ordinal + 1) : undefined;
}
