import { isDeepStrictEqual } from 'node:util';
import { ReferenceKind } from '@mikro-orm/core';
import type { EntityComparator, EntityMetadata } from '@mikro-orm/core';
import type { CollectionChange } from './collection-changes.js';
import { metaOf, snapshotOf, valueAt } from './stored-values.js';
import { watchedProperty } from './watched-property.js';
import type { WatchedProperty } from './watched-property.js';

/** An entity's stored values by property, the way MikroORM compares them. */
export type Snapshot = Readonly<Record<string, unknown>>;

export type ChangeKind = 'created' | 'updated' | 'removed';

/** What one flush did to one entity, until the flush ends and {@link EntityChange} can be read from it. */
export interface FlushedEntity {
  readonly entity: object;
  readonly kind: ChangeKind;
  /** What the table held before this flush. */
  readonly before: Snapshot;
  /** Before this flush: properties that only the database changes, which snapshots leave out. */
  readonly generated: ReadonlyMap<string, unknown>;
  readonly links: ReadonlyMap<string, CollectionChange>;
}

/** How to read snapshots. */
export interface Readers {
  readonly comparator: EntityComparator;
  toEntity(snapshot: Snapshot, meta: EntityMetadata<object>): object;
}

const unchanged: CollectionChange = { added: [], removed: [] };

/** One entity's part in one flush, read once the flush has written it. */
export class EntityChange {
  readonly entity: object;
  readonly kind: ChangeKind;
  readonly #flushed: FlushedEntity;
  readonly #readers: Readers;
  readonly #meta: EntityMetadata<object>;
  readonly #diff: ReadonlySet<string>;
  #previous: object | undefined;

  constructor(flushed: FlushedEntity, readers: Readers) {
    this.entity = flushed.entity;
    this.kind = flushed.kind;
    this.#flushed = flushed;
    this.#readers = readers;
    this.#meta = metaOf(flushed.entity);
    this.#diff = flushed.kind === 'updated' ? this.#compare() : new Set();
  }

  /** The property as it was; `undefined` where MikroORM had never loaded it. */
  was = ({ path, root }: WatchedProperty): unknown => {
    if (this.kind === 'created') return undefined;
    if (this.#flushed.generated.has(root.name)) return this.#flushed.generated.get(root.name);
    return valueAt(this.#previousEntity(), path);
  };

  now = ({ path }: WatchedProperty): unknown =>
    this.kind === 'removed' ? undefined : valueAt(this.entity, path);

  collection(property: string): CollectionChange {
    return this.#flushed.links.get(property) ?? unchanged;
  }

  /** On creation and removal: whether the property has a value. */
  changed(property: WatchedProperty): boolean {
    if (property.isCollection) return this.#flushed.links.has(property.root.name);
    if (this.kind === 'created') return (this.now(property) ?? undefined) !== undefined;
    if (this.kind === 'removed') return (this.was(property) ?? undefined) !== undefined;
    if (!property.diffKeys.some((key) => this.#diff.has(key))) return false;
    return !property.isPart || !isDeepStrictEqual(this.was(property), this.now(property));
  }

  property(name: string): WatchedProperty {
    return watchedProperty(this.#meta, name);
  }

  /** Whole properties of the entity that {@link changed} is true of; collections left out. */
  changedProperties(): readonly WatchedProperty[] {
    return this.#meta.props
      .filter((each) => each.embedded === undefined && isOwnColumn(each))
      .map((each) => this.property(each.name))
      .filter((each) => !each.isCollection && this.changed(each));
  }

  /** Of an entity removed without ever being loaded, what there is. */
  #previousEntity(): object {
    const { before, entity } = this.#flushed;
    const isUnknown = this.kind === 'removed' && Object.keys(before).length === 0;
    this.#previous ??= isUnknown ? entity : this.#readers.toEntity(before, this.#meta);
    return this.#previous;
  }

  #compare(): ReadonlySet<string> {
    const { before, generated, entity } = this.#flushed;
    const after = snapshotOf(entity) ?? {};
    const compared = this.#readers.comparator.diffEntities(this.#meta.class, before, after);
    const current = entity as Record<string, unknown>;
    const renewed = [...generated].filter(([name, value]) => !isDeepStrictEqual(value, current[name]));
    return new Set([...Object.keys(compared), ...renewed.map(([name]) => name)]);
  }
}

function isOwnColumn({ kind, owner, persist }: EntityMetadata<object>['props'][number]): boolean {
  if (kind === ReferenceKind.ONE_TO_MANY || kind === ReferenceKind.MANY_TO_MANY || persist === false)
    return false;
  return kind !== ReferenceKind.ONE_TO_ONE || owner;
}
