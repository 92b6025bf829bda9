import type { EntityMetadata } from '@mikro-orm/core';
import { checkKnownOptions, InvalidArgument } from '../../../src/index.js';
import type { Event } from '../../../src/index.js';
import { changesOf } from './changes.js';
import type { Changes, PropertiesChange, PropertyChange, PropertyPath } from './changes.js';
import type { ChangeKind, EntityChange } from './entity-change.js';
import { watchedProperty } from './watched-property.js';
import type { WatchedProperty } from './watched-property.js';

type MadeNow = Event | readonly Event[] | undefined;

/** What a maker gives back: an event, several, or `undefined` for none. It may wait, but must not flush. */
export type Made = MadeNow | Promise<MadeNow>;

export interface EntityEventOptions<T> {
  /** Home stream of the events. Default: none. */
  readonly stream?: string | ((item: T) => string | undefined) | undefined;
}

/** Which events an entity class gives. Every call adds one maker and gives back the same rules. */
export interface EntityRules<T> {
  created(make: (item: T, changes: Changes<T>) => Made, options?: EntityEventOptions<T>): this;
  /** The entity as it was last: its row is gone. */
  removed(make: (item: T, changes: Changes<T>) => Made, options?: EntityEventOptions<T>): this;
  /**
   * An update changed the property, or one of several. An M:N collection gives `{ added, removed }`.
   *
   * @throws {InvalidArgument} The entity has no such property, or its table does not hold it.
   */
  changed<Path extends PropertyPath<T>>(
    property: Path,
    make: (item: T, change: PropertyChange<T, Path>) => Made,
    options?: EntityEventOptions<T>,
  ): this;
  changed<Path extends PropertyPath<T>>(
    properties: readonly Path[],
    make: (item: T, change: PropertiesChange<T, Path>) => Made,
    options?: EntityEventOptions<T>,
  ): this;
  /** Created, updated or removed, and the condition holds. */
  when(
    condition: (item: T, changes: Changes<T>) => boolean,
    make: (item: T, changes: Changes<T>) => Made,
    options?: EntityEventOptions<T>,
  ): this;
}

/** One maker. */
export interface Rule {
  /** For error messages: `created`, `changed amount`. */
  readonly name: string;
  make(change: EntityChange): Made;
  streamOf(item: object): string | undefined;
}

type Maker = (item: object, change: unknown) => Made;

export function entityRules(meta: EntityMetadata<object>, add: (rule: Rule) => void): EntityRules<object> {
  const addRule = (name: string, options: unknown, make: Rule['make']) => {
    add({ name, make, streamOf: streamReader(options) });
    return rules;
  };
  const onKind = (kind: ChangeKind) => (given: unknown, options?: unknown) => {
    const make = checkMaker(given);
    return addRule(kind, options, (change) =>
      change.kind === kind ? make(change.entity, changesOf(change)) : undefined,
    );
  };
  const rules: EntityRules<object> = {
    created: onKind('created'),
    removed: onKind('removed'),
    changed(given: string | readonly string[], maker: unknown, options?: unknown) {
      const make = checkMaker(maker);
      const properties = [given].flat().map((name) => watchedProperty(meta, name));
      const detail = Array.isArray(given) ? several(meta, properties) : single(properties);
      return addRule(`changed ${[given].flat().join(', ')}`, options, (change) => {
        const isMeant = change.kind === 'updated' && properties.some((each) => change.changed(each));
        return isMeant ? make(change.entity, withDetail(changesOf(change), detail(change))) : undefined;
      });
    },
    when(condition, maker, options) {
      const make = checkMaker(maker);
      return addRule('when', options, (change) => {
        const changes = changesOf(change);
        return condition(change.entity, changes) ? make(change.entity, changes) : undefined;
      });
    },
  };
  return rules;
}

/** Without reading `was` and `now` of the whole entity, which `detail` replaces. */
function withDetail(changes: Changes<object>, detail: object): object {
  const descriptors = {
    ...Object.getOwnPropertyDescriptors(changes),
    ...Object.getOwnPropertyDescriptors(detail),
  };
  return Object.defineProperties<object>({}, descriptors);
}

function single(properties: readonly WatchedProperty[]): (change: EntityChange) => object {
  return (change) => {
    const [property] = properties as readonly [WatchedProperty];
    if (property.isCollection) return change.collection(property.root.name);
    return { was: change.was(property), now: change.now(property) };
  };
}

function several(
  meta: EntityMetadata<object>,
  properties: readonly WatchedProperty[],
): (change: EntityChange) => object {
  const collection = properties.find((each) => each.isCollection);
  if (collection !== undefined || properties.length === 0) {
    throw new InvalidArgument(
      `changed() of ${meta.className}`,
      'given the names of one or more properties other than collections',
      collection?.root.name ?? [],
      'Watch each collection by a `changed` of its own.',
    );
  }
  const read = (value: EntityChange['was']) =>
    Object.fromEntries(properties.map((each) => [each.path.join('.'), value(each)]));
  return (change) => ({ was: read(change.was), now: read(change.now) });
}

function checkMaker(make: unknown): Maker {
  if (typeof make === 'function') return make as Maker;
  throw new InvalidArgument('make', 'a function that returns an event', make);
}

function streamReader(options: unknown): Rule['streamOf'] {
  checkKnownOptions(options ?? {}, ['stream']);
  const { stream } = (options ?? {}) as EntityEventOptions<object>;
  if (stream === undefined || typeof stream === 'string') return () => stream;
  if (typeof stream === 'function') return stream;
  throw new InvalidArgument('stream', 'a string, or a function of the entity', stream);
}
