import type { Replay, ReplayRequest, StartedReplay } from '../../delivery/delivery-log.js';
import { release } from './delivering.js';
import { create, openOf, type DeliveryTable, type KeptReplay } from './delivery-table.js';
import { forgetKeys, wants } from './registering.js';
import { positionIn, type MemoryState } from './state.js';

export function startReplay(
  state: MemoryState,
  request: ReplayRequest,
  now: number,
): StartedReplay | undefined {
  const { deliveries } = state;
  const handler = deliveries.handlers.get(request.handler);
  if (handler === undefined) return undefined;
  const last = deliveries.replays.findLast((each) => each.handler === request.handler);
  if (last !== undefined && remaining(deliveries, last).unfinished > 0)
    return { ...toReplay(deliveries, last), resumed: true };

  const { registration } = handler;
  if (registration.ordered) startOver(state, registration.name, now);
  const events = [...state.events.values()].filter(
    (event) =>
      wants(registration, event) &&
      (positionIn(state, event) ?? 0n) > (request.after ?? 0n) &&
      !handler.open.has(event.id),
  );
  const replay: KeptReplay = {
    id: deliveries.replays.length + 1,
    handler: registration.name,
    reason: request.reason,
    startedAt: new Date(now),
    total: events.length,
  };
  deliveries.replays.push(replay);
  for (const event of events) {
    create(deliveries, event, registration.name, { now, replay: replay.id });
  }
  return { ...toReplay(deliveries, replay), resumed: false };
}

/** What is open takes its turn again; also what runs, which would end before the history before it. */
function startOver(state: MemoryState, handler: string, now: number): void {
  const held = [...openOf(state.deliveries, handler)].flatMap(({ lease }) => lease?.token ?? []);
  release(state, held, now);
  forgetKeys(state, handler, now);
}

export function replaysIn(table: DeliveryTable, handler: string | undefined): readonly Replay[] {
  return table.replays
    .filter((each) => handler === undefined || each.handler === handler)
    .map((each) => toReplay(table, each))
    .toReversed();
}

function toReplay(table: DeliveryTable, replay: KeptReplay): Replay {
  const { unfinished, dead } = remaining(table, replay);
  return { ...replay, done: replay.total - unfinished - dead, dead };
}

function remaining(table: DeliveryTable, { id, handler }: KeptReplay) {
  const own = [...(table.handlers.get(handler)?.byEvent.values() ?? [])].filter(
    ({ replay }) => replay === id,
  );
  const dead = own.filter(({ state }) => state === 'dead').length;
  const over = own.filter(({ state }) => state === 'done' || state === 'skipped').length;
  return { dead, unfinished: own.length - dead - over };
}
