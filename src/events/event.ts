import { isDeepStrictEqual } from 'node:util';
import { InvalidEvent } from '../errors/event-errors.js';
import { InvalidArgument } from '../errors/argument-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import { checkEventName } from './event-name.js';
import { isEventTime } from './event-time.js';
import type { Metadata } from './metadata.js';
import { newId } from './new-id.js';

export interface EventOptions {
  /** Unique for ever; a UUIDv7 unless given. 1 to 255 characters. */
  readonly id?: string | undefined;
  readonly metadata?: Metadata | undefined;
  /** When it was recorded; the log's clock unless given. */
  readonly timestamp?: Date | undefined;
  /** When it became true in the world; `timestamp` unless given. */
  readonly validAt?: Date | undefined;
}

const eventOptions = ['id', 'metadata', 'timestamp', 'validAt'];

/** Something that happened. Make classes with `defineEvent`; this class is their root. */
export class Event<Data = unknown> {
  readonly id: string;
  readonly type: string;
  readonly data: Data;
  metadata: Metadata;
  readonly timestamp: Date | undefined;
  readonly validAt: Date | undefined;
  /** Home stream; on a recorded event, `undefined` when it was published without one. */
  readonly stream: string | undefined;
  /** Place in the home stream, from 0, without gaps. Within an open transaction known once it is written. */
  readonly version: number | undefined;
  /** Place in the global order; `undefined` until the event is sequenced. */
  readonly position: bigint | undefined;

  constructor(type: string, data: Data, options: EventOptions = {}) {
    checkKnownOptions(options, eventOptions, '`new OrderPlaced(data, { metadata })`');
    this.id = options.id === undefined ? newId() : checkId(options.id);
    this.type = checkEventName(type);
    this.data = data;
    this.metadata = options.metadata ?? {};
    this.timestamp = checkDate('timestamp', options.timestamp);
    this.validAt = checkDate('validAt', options.validAt);
    this.stream = undefined;
    this.version = undefined;
    this.position = undefined;
  }

  get correlationId(): string | undefined {
    return this.metadata.correlationId;
  }

  get causationId(): string | undefined {
    return this.metadata.causationId;
  }

  /** Marks this event, before it is published, as caused by `other`. */
  correlateWith(other: { readonly id: string; readonly correlationId?: string | undefined }): this {
    this.metadata = {
      ...this.metadata,
      correlationId: other.correlationId ?? other.id,
      causationId: other.id,
    };
    return this;
  }

  /** Same type, id and data. Metadata does not count. */
  equals(other: unknown): boolean {
    return (
      other instanceof Event &&
      other.type === this.type &&
      other.id === this.id &&
      isDeepStrictEqual(other.data, this.data)
    );
  }

  /** Plain JSON; `position` as a string, because JSON has no 64-bit integers. */
  toJSON(): Record<string, unknown> {
    const fields: Record<string, unknown> = Object.fromEntries(Object.entries(this));
    return { ...fields, position: this.position?.toString() };
  }
}

function checkId(id: unknown): string {
  const known = typeof id === 'string' && id !== '' && id.length <= 255 && id.isWellFormed();
  if (!known || id.includes('\0')) throw new InvalidArgument('id', 'a string of 1 to 255 characters', id);
  return id;
}

function checkDate(name: string, date: unknown): Date | undefined {
  if (date === undefined) return undefined;
  if (isEventTime(date)) return date;
  throw new InvalidArgument(name, 'a valid Date, not before 4712 BC', date);
}

/** @throws {InvalidEvent} */
export function checkEvent(value: unknown): Event {
  if (value instanceof Event) return value;
  if (typeof value === 'function') {
    throw new InvalidEvent(value, `${value.name || 'this function'} is a class or function, not an instance`);
  }
  throw new InvalidEvent(value);
}
