import { Collection, ReferenceKind } from '@mikro-orm/core';
import type { UnitOfWork } from '@mikro-orm/core';

/** Entities that an M:N collection gained and lost: the entities themselves, loaded or not. */
export interface CollectionChange<Item = object> {
  readonly added: readonly Item[];
  readonly removed: readonly Item[];
}

type Tell = (owner: object, property: string, change: 'added' | 'removed', item: object) => void;

/**
 * Tells, from both of its sides, every link that this flush will make or break. Only `onFlush` can: afterwards the
 * collections have forgotten what they were.
 */
export function eachLink(uow: UnitOfWork, tell: Tell): void {
  for (const collection of dirtyCollections(uow)) {
    const { owner, property } = collection;
    if (property.kind !== ReferenceKind.MANY_TO_MANY) continue;
    const otherSide = property.owner ? property.inversedBy : property.mappedBy;
    const before = new Set<object>(collection.getSnapshot());
    const after = new Set<object>(collection.getItems(false));
    const tellBoth = (change: 'added' | 'removed', item: object) => {
      tell(owner, property.name, change, item);
      if (otherSide !== undefined) tell(item, otherSide, change, owner);
    };
    for (const item of after) if (!before.has(item)) tellBoth('added', item);
    for (const item of before) if (!after.has(item)) tellBoth('removed', item);
  }
}

/** Collections of new entities that refer to each other are written, and listed, apart. */
function dirtyCollections(uow: UnitOfWork): readonly Collection<object>[] {
  const apart = [...uow.getExtraUpdates()].flatMap(([, , value]) =>
    value instanceof Collection ? [value as Collection<object>] : [],
  );
  return [...uow.getCollectionUpdates(), ...apart];
}
