import type {
  DeliveryError,
  DeliveryState,
  HandlerRegistration,
  Replay,
} from '../../delivery/delivery-log.js';

export interface Lease {
  readonly token: string;
  readonly worker: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** One event for one handler, as it is kept: never changed, only replaced, so that copied tables may share it. */
export interface KeptDelivery {
  readonly eventId: string;
  /** The event's place in the global order. */
  readonly ordinal: number;
  readonly handler: string;
  readonly state: DeliveryState;
  readonly attempt: number;
  /** Milliseconds since 1970, as `finishedAt`. */
  readonly dueAt: number | undefined;
  readonly lease: Lease | undefined;
  readonly finishedAt: number | undefined;
  readonly firstError: DeliveryError | undefined;
  readonly lastError: DeliveryError | undefined;
  readonly reason: string | undefined;
  /** Of an ordered handler, once told. */
  readonly key: string | undefined;
  /** The replay that made it due last. */
  readonly replay: number | undefined;
}

export type KeptReplay = Omit<Replay, 'done' | 'dead'>;

export interface KnownHandler {
  readonly registration: HandlerRegistration;
  readonly byEvent: Map<string, KeptDelivery>;
  /** Ids of events whose delivery is pending, queued or running. */
  readonly open: Set<string>;
  /** Ids of events whose delivery is dead. */
  readonly dead: Set<string>;
}

export interface DeliveryTable {
  readonly handlers: Map<string, KnownHandler>;
  /** The queued and running ones by the token of their lease. */
  readonly leased: Map<string, KeptDelivery>;
  readonly replays: KeptReplay[];
  /** How often a delivery has become due at once: when it grows, there is something to wake workers for. */
  madeDue: number;
}

export function emptyTable(): DeliveryTable {
  return { handlers: new Map(), leased: new Map(), replays: [], madeDue: 0 };
}

export function copyTable({ handlers, leased, replays, madeDue }: DeliveryTable): DeliveryTable {
  const copies = Array.from(handlers, ([name, known]) => [name, copyHandler(known)] as const);
  return { handlers: new Map(copies), leased: new Map(leased), replays: [...replays], madeDue };
}

function copyHandler({ registration, byEvent, open, dead }: KnownHandler): KnownHandler {
  return { registration, byEvent: new Map(byEvent), open: new Set(open), dead: new Set(dead) };
}

export function create(
  table: DeliveryTable,
  event: { readonly id: string; readonly ordinal: number },
  handler: string,
  { now, replay }: { readonly now: number; readonly replay?: number },
): void {
  const nothingYet = {
    lease: undefined,
    finishedAt: undefined,
    firstError: undefined,
    lastError: undefined,
    reason: undefined,
    key: undefined,
  };
  const { id: eventId, ordinal } = event;
  put(table, { eventId, ordinal, handler, state: 'pending', attempt: 0, dueAt: now, replay, ...nothingYet });
  table.madeDue += 1;
}

/** Replaces what is kept of this event and handler. */
export function put(table: DeliveryTable, delivery: KeptDelivery): void {
  const known = table.handlers.get(delivery.handler);
  const before = known?.byEvent.get(delivery.eventId);
  if (before?.lease !== undefined) table.leased.delete(before.lease.token);
  if (delivery.lease !== undefined) table.leased.set(delivery.lease.token, delivery);
  if (known === undefined) return;
  known.byEvent.set(delivery.eventId, delivery);
  enter(known.open, delivery.eventId, isOpen(delivery));
  enter(known.dead, delivery.eventId, delivery.state === 'dead');
}

function enter(ids: Set<string>, id: string, belongs: boolean): void {
  if (belongs) ids.add(id);
  else ids.delete(id);
}

function isOpen({ state }: KeptDelivery): boolean {
  return state === 'pending' || state === 'queued' || state === 'running';
}

export function openOf(table: DeliveryTable, handler: string): Generator<KeptDelivery> {
  return deliveriesOf(table.handlers.get(handler), 'open');
}

/** Open or dead: what others of their key wait for. */
export function* unfinishedOf(table: DeliveryTable, handler: string): Generator<KeptDelivery> {
  const known = table.handlers.get(handler);
  yield* deliveriesOf(known, 'open');
  yield* deliveriesOf(known, 'dead');
}

function* deliveriesOf(known: KnownHandler | undefined, which: 'open' | 'dead'): Generator<KeptDelivery> {
  for (const eventId of known?.[which] ?? []) {
    const delivery = known?.byEvent.get(eventId);
    if (delivery !== undefined) yield delivery;
  }
}

export function* allOf(table: DeliveryTable): Generator<KeptDelivery> {
  for (const { byEvent } of table.handlers.values()) yield* byEvent.values();
}
