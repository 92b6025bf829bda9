import { AsyncLocalStorage } from 'node:async_hooks';
import type { Event } from '../events/event.js';
import type { Subscription } from '../delivery/subscription.js';
import type { Append, NewRecord, Stored } from '../log/event-log.js';
import type { PublishOptions } from '../log/publish-options.js';
import type { StoreContext } from './context.js';
import type { EventFields } from './event-types.js';
import { assemble } from './event-types.js';
import type { EventClass } from '../events/define-event.js';

/** One event of a publication: what goes into the log, and what handlers will see. */
export interface PreparedEvent {
  readonly record: NewRecord;
  readonly event: Event;
}

/** Checked events with a common destination, and the context in which they were published. */
export interface Publication {
  readonly events: readonly Event[];
  readonly append: Append;
  readonly options: PublishOptions;
  readonly context: StoreContext;
  /** Runs work in the async context of the publisher, which {@link takenAlong} remembers. */
  readonly resume: <T>(work: () => T) => T;
  /** Hears it before the handlers of the store do, once it is committed. */
  readonly first?: Subscription | undefined;
}

/** As it is while the publisher's own code carries it. */
export const inPlace: Publication['resume'] = (work) => work();

/** For a publication that leaves the async context of its publisher. Call it there. */
export function takenAlong(publication: Publication): Publication {
  return publication.resume === inPlace
    ? { ...publication, resume: AsyncLocalStorage.snapshot() }
    : publication;
}

/** A recorded event whose place is still to come. */
export function unplaced(
  eventClass: EventClass | undefined,
  fields: Pick<EventFields, 'id' | 'type' | 'data' | 'metadata' | 'timestamp' | 'validAt' | 'stream'>,
): Event {
  return assemble(eventClass, { ...fields, version: undefined, position: undefined });
}

/** Closes committed events: no handler changes what the next one sees. */
export function seal({ events }: Publication): void {
  for (const event of events) Object.freeze(event);
}

/** Tells the events of a publication where they stand. */
export function place({ events, append }: Publication, { firstVersion, timestamp }: Stored): void {
  events.forEach((event, index) => {
    const record = append.records[index];
    const at = record?.timestamp ?? timestamp;
    Object.assign(event, {
      timestamp: new Date(at),
      validAt: new Date(record?.validAt ?? at),
      version: firstVersion === undefined ? undefined : firstVersion + index,
    });
  });
}
