import {
  checkKnownOptions,
  InvalidArgument,
  isEventClass,
  UnknownEvent,
  type Event,
  type EventClass,
} from '../src/index.js';
import type { Broadcast } from './recorder.js';

// oxlint-disable-next-line typescript/no-explicit-any -- broadcasts are untyped; the functions below may say what they get
type BroadcastArguments = any[];

/** How one broadcast becomes an event, and how the event becomes a broadcast again. */
export interface EventMapping<E extends Event = Event> {
  readonly event: EventClass<E>;
  /** Makes the data. Without it the broadcast's one plain object is the data. */
  readonly data?: ((...args: BroadcastArguments) => unknown) | undefined;
  /** Names the stream. Without it the event stands in the global order alone. */
  readonly stream?: ((...args: BroadcastArguments) => string | undefined) | undefined;
  /** What legacy listeners get when new code publishes the event. Without it they do not hear it. */
  readonly args?: { make(event: E): readonly unknown[] }['make'] | undefined;
}

/** Broadcast names and their events. A bare class: the broadcast's one plain object is its data, both ways. */
export type EventMap = Readonly<Record<string, EventClass | EventMapping>>;

/** One entry of the map, checked. */
export interface MappedEvent {
  readonly eventName: string;
  readonly eventClass: EventClass;
  toEvent(broadcast: Broadcast): Event;
  streamOf(broadcast: Broadcast): string | undefined;
  readonly toArgs: ((event: Event) => readonly unknown[]) | undefined;
}

type Loose = (...args: unknown[]) => unknown;

/** @throws {InvalidArgument} */
export function readMapping(eventName: string, given: unknown): MappedEvent {
  if (isEventClass(given)) {
    return mapped(eventName, { event: given, args: (event) => [event.data] });
  }
  if (isMapping(given)) {
    checkKnownOptions(given, ['event', 'data', 'stream', 'args']);
    return mapped(eventName, given);
  }
  throw new InvalidArgument(
    `events.${eventName}`,
    'an event class, or an object with `event`',
    given,
    'Write `{ order_placed: OrderPlaced }` or `{ order_placed: { event: OrderPlaced, data: (order) => … } }`.',
  );
}

/** What is recorded of a broadcast that has no event of its own. */
export function rawEvent({ eventName, args }: Broadcast): Event {
  return new UnknownEvent(eventName, { args });
}

function mapped(eventName: string, mapping: EventMapping): MappedEvent {
  const makeData = mapping.data as Loose | undefined;
  const nameStream = mapping.stream as Loose | undefined;
  const Made = mapping.event as unknown as new (data: unknown) => Event;
  return {
    eventName,
    eventClass: mapping.event,
    toEvent: ({ args }) => new Made(makeData === undefined ? soleObject(eventName, args) : makeData(...args)),
    streamOf: ({ args }) => nameStream?.(...args) as string | undefined,
    toArgs: mapping.args,
  };
}

function soleObject(eventName: string, args: readonly unknown[]): unknown {
  const [first = {}] = args;
  if (args.length <= 1 && typeof first === 'object' && first !== null && !Array.isArray(first)) return first;
  throw new InvalidArgument(
    `events.${eventName}`,
    'given `data`, because the broadcast does not have one plain object',
    args,
    `Write \`${eventName}: { event: …, data: (…args) => ({ … }) }\`.`,
  );
}

function isMapping(value: unknown): value is EventMapping {
  if (typeof value !== 'object' || value === null || !('event' in value) || !isEventClass(value.event))
    return false;
  return ['data', 'stream', 'args'].every((key) => {
    const member: unknown = Reflect.get(value, key);
    return member === undefined || typeof member === 'function';
  });
}
