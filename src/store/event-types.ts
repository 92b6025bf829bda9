import { InvalidArgument } from '../errors/argument-errors.js';
import { DuplicateEventType } from '../errors/event-errors.js';
import { isEventClass, type EventClass } from '../events/define-event.js';
import { Event } from '../events/event.js';
import type { Metadata } from '../events/metadata.js';
import { UnknownEvent } from '../events/unknown-event.js';
import type { EventRecord } from '../log/event-log.js';
import { deepFreeze } from '../mapping/freeze.js';
import type { Path } from '../mapping/path.js';
import { restoreDates, reviveDates } from '../mapping/restore-dates.js';
import { upcastData } from '../mapping/upcast.js';

/** The event classes one store knows, by their type. It learns from what is subscribed, published and read. */
export class EventTypes {
  readonly #classes = new Map<string, EventClass>();

  /** @throws {DuplicateEventType} Another class has this type. @throws {InvalidArgument} It is no event class. */
  learn(eventClass: EventClass): void {
    if (!isEventClass(eventClass)) {
      throw new InvalidArgument('events', 'classes that extend `defineEvent(…)`', eventClass);
    }
    const known = this.#classes.get(eventClass.type);
    if (known === undefined) this.#classes.set(eventClass.type, eventClass);
    else if (known !== eventClass) throw new DuplicateEventType(eventClass.type);
  }

  learnFrom(event: Event): EventClass | undefined {
    const maker: unknown = event.constructor;
    if (!isEventClass(maker)) return this.#classes.get(event.type);
    this.learn(maker);
    return maker;
  }

  classOf(type: string): EventClass | undefined {
    return this.#classes.get(type);
  }

  /** The event a record stands for: an instance of its class, or an `UnknownEvent`. Its constructor does not run. */
  revive(record: EventRecord): Event {
    const eventClass = this.#classes.get(record.type);
    const dates = readDatePaths(record.dates);
    const data = reviveDates(record.data, dates.data);
    const event = assemble(eventClass, {
      ...record,
      data: deepFreeze(eventClass === undefined ? data : upcastData(eventClass, { ...record, data })),
      metadata: restoreDates(record.metadata, dates.metadata) as Metadata,
    });
    return Object.freeze(event);
  }
}

export interface EventFields {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: Metadata;
  readonly timestamp: Date | undefined;
  readonly validAt: Date | undefined;
  readonly stream: string | undefined;
  readonly version: number | undefined;
  readonly position: bigint | undefined;
}

/** Where an event's data and metadata hold dates, as the log keeps it beside them. */
export interface DatePaths {
  readonly data: readonly Path[];
  readonly metadata: readonly Path[];
}

function readDatePaths(stored: unknown): DatePaths {
  const { data = [], metadata = [] } = (stored ?? {}) as Partial<DatePaths>;
  return { data, metadata };
}

/** A recorded event, made without running anybody's constructor. */
export function assemble(eventClass: EventClass | undefined, fields: EventFields): Event {
  const { id, type, data, metadata, timestamp, validAt, stream, version, position } = fields;
  const prototype: unknown = (eventClass ?? UnknownEvent).prototype;
  const event: Event = Object.create(prototype as Event);
  return Object.assign(event, { id, type, data, metadata, timestamp, validAt, stream, version, position });
}
