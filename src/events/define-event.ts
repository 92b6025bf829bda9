import type { StandardSchemaV1 } from '@standard-schema/spec';
import { InvalidArgument } from '../errors/argument-errors.js';
import { checkKnownOptions } from '../errors/known-options.js';
import type { Upcasts } from '../mapping/upcast.js';
import { Event, type EventOptions } from './event.js';
import { checkEventName } from './event-name.js';

export interface EventDefinition {
  /** Version of the shape of `data`, from 1. Raise it when the shape changes. */
  readonly version?: number;
  /** How to read older shapes: `{ 1: (data) => dataOfVersion2 }`. */
  readonly upcast?: Upcasts;
}

/** What the store needs to know of an event class. */
export interface EventType {
  /** The name under which its events are stored. Explicit; never the name of the class. */
  readonly type: string;
  readonly schema: StandardSchemaV1 | undefined;
  readonly schemaVersion: number;
  readonly upcast: Upcasts;
}

/** An event class, as `defineEvent` makes them and as handlers are subscribed to. */
export type EventClass<E extends Event = Event> = EventType & (abstract new (...args: never[]) => E);

/** What `defineEvent` returns: a class to extend. */
export interface DefinedEvent<Input, Output> extends EventType {
  new (
    ...args: undefined extends Input
      ? [data?: Input, options?: EventOptions]
      : [data: Input, options?: EventOptions]
  ): Event<Output>;
}

/**
 * Makes the base class of an event.
 *
 * ```ts
 * class QuoteCompleted extends defineEvent<{ quoteId: string }>('QuoteCompleted') {}
 * class PriceUpdated extends defineEvent('PriceUpdated', z.object({ priceNow: z.number() })) {}
 * ```
 *
 * @param type The name it is stored under, for ever.
 * @param schema Any Standard Schema validator. It runs when the event is published; its output is what is stored.
 */
export function defineEvent<Schema extends StandardSchemaV1>(
  type: string,
  schema: Schema,
  definition?: EventDefinition,
): DefinedEvent<StandardSchemaV1.InferInput<Schema>, StandardSchemaV1.InferOutput<Schema>>;
export function defineEvent<Data = Record<string, unknown> | undefined>(
  type: string,
  schema?: undefined,
  definition?: EventDefinition,
): DefinedEvent<Data, Data>;
export function defineEvent(
  type: string,
  schema?: StandardSchemaV1,
  definition: EventDefinition = {},
): DefinedEvent<unknown, unknown> {
  checkEventName(type);
  if (schema !== undefined && !isStandardSchema(schema)) {
    throw new InvalidArgument('schema', 'a Standard Schema validator (zod, valibot, arktype …)', schema);
  }
  checkKnownOptions(definition, ['version', 'upcast'], '`{ version: 2, upcast: { 1: … } }`');
  const { version = 1, upcast = {} } = definition;
  if (!Number.isInteger(version) || version < 1 || version > 32_767) {
    throw new InvalidArgument('version', 'a whole number from 1 to 32767', version);
  }
  return class extends Event {
    static readonly type = type;
    static readonly schema = schema;
    static readonly schemaVersion = version;
    static readonly upcast = upcast;

    constructor(data: unknown = {}, options?: EventOptions) {
      super(type, data, options);
    }
  };
}

function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  const known = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return known && '~standard' in value;
}

/** True for classes that `defineEvent` made, and for classes that extend them. */
export function isEventClass(value: unknown): value is EventClass {
  return typeof value === 'function' && value.prototype instanceof Event && 'schemaVersion' in value;
}
