import { helper, JsonType, Reference, Utils } from '@mikro-orm/core';
import type { EntityManager, EntityMetadata, Platform } from '@mikro-orm/core';
import type { Readers, Snapshot } from './entity-change.js';

/**
 * Makes entities of snapshots, with embeddables, dates and custom types as the application knows them. They belong
 * to no entity manager of the application.
 */
export function readersOf(em: EntityManager): Readers {
  const metadata = em.getMetadata();
  const hydrator = em.config.getHydrator(metadata);
  let scratch: EntityManager | undefined;
  return {
    comparator: em.getComparator(),
    toEntity(snapshot, meta) {
      scratch ??= em.fork({ clear: true, freshEventManager: true, disableContextResolution: true });
      const entity = Object.create(meta.prototype) as object;
      const row = asRow(snapshot, meta, em.getPlatform());
      hydrator.hydrate(entity, meta, row, scratch.getEntityFactory(), 'full', false, true);
      return entity;
    },
  };
}

export function metaOf(entity: object): EntityMetadata<object> {
  const { __meta: meta } = helper(entity);
  return meta;
}

/** What MikroORM knows the table to hold; `undefined` for an entity that is not stored. */
export function snapshotOf(entity: object): Snapshot | undefined {
  const { __originalEntityData: snapshot } = helper(entity);
  return snapshot;
}

/** As the driver would give it: snapshots hold JSON columns as text, so that they compare. */
function asRow(
  snapshot: Snapshot,
  meta: EntityMetadata<object>,
  platform: Platform,
): Record<string, unknown> {
  const row = Utils.copy(snapshot) as Record<string, unknown>;
  for (const { name, customType } of meta.props) {
    if (customType instanceof JsonType && typeof row[name] === 'string')
      row[name] = platform.convertJsonToJSValue(row[name]);
  }
  return row;
}

/** Follows `path` from property to property; a reference gives its primary key, a lazy scalar its value. */
export function valueAt(entity: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((holder, name) => {
    const isObject = typeof holder === 'object' && holder !== null;
    return isObject ? asSeen((holder as Record<string, unknown>)[name]) : undefined;
  }, entity);
}

function asSeen(value: unknown): unknown {
  if (Utils.isScalarReference(value)) return value.unwrap();
  if (!Utils.isEntity<object>(value, true)) return value;
  const target = Reference.unwrapReference<object>(value);
  return metaOf(target).compositePK ? helper(target).getPrimaryKeys() : helper(target).getPrimaryKey();
}
