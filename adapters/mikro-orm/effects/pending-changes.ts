import { isDeepStrictEqual } from 'node:util';
import { Utils } from '@mikro-orm/core';
import type { ChangeSet, EntityComparator, EntityManager, UnitOfWork } from '@mikro-orm/core';
import type { EffectScope } from '../../../src/index.js';
import type { Snapshot } from '../lifecycle/entity-change.js';
import { metaOf, snapshotOf } from '../lifecycle/stored-values.js';
import type { Share } from './flushed-rows.js';

/** A unit of work as it is at one moment: what it would flush. */
export class Pending {
  readonly uow: UnitOfWork;
  readonly #comparator: EntityComparator;
  readonly #states = new Map<object, Snapshot>();
  readonly #persisted: ReadonlySet<object>;
  readonly #removed: ReadonlySet<object>;
  readonly #dirty: ReadonlySet<object>;

  constructor(em: EntityManager) {
    this.uow = em.getUnitOfWork(false);
    this.#comparator = em.getComparator();
    this.#persisted = new Set(this.uow.getPersistStack());
    this.#removed = new Set([...this.uow.getRemoveStack(), ...this.uow.getOrphanRemoveStack()]);
    const dirty = new Set<object>();
    for (const entity of new Set<object>([...this.uow.getIdentityMap(), ...this.#persisted])) {
      this.#states.set(entity, this.#comparator.prepareEntity(entity) as Snapshot);
      for (const collection of collectionsOf(entity)) if (collection.isDirty()) dirty.add(collection);
    }
    this.#dirty = dirty;
  }

  get size(): number {
    return this.#states.size;
  }

  /** What of a later flush was not pending at this moment. */
  get later(): Share {
    return {
      takes: ({ entity }) => {
        if (this.#removed.has(entity)) return false;
        return !this.#persisted.has(entity) || snapshotOf(entity) !== undefined;
      },
      takesColumn: ({ entity, payload }, property) => {
        const state = this.#states.get(entity);
        return state === undefined || !isDeepStrictEqual(state[property], Reflect.get(payload, property));
      },
      takesLinks: true,
    };
  }

  /** What has been changed since `earlier`, and not been flushed. */
  since(earlier: Pending): Touched {
    const columns = new Map<object, ReadonlySet<string>>();
    for (const [entity, state] of this.#states) {
      const stored = snapshotOf(entity);
      const before = earlier.#states.get(entity) ?? stored;
      if (stored === undefined || before === undefined) continue;
      const changed = this.#diff(entity, before, state).filter(
        (name) => !isDeepStrictEqual(stored[name], state[name]),
      );
      if (changed.length > 0) columns.set(entity, new Set(changed));
    }
    const created = [...this.#persisted].filter((entity) => isNew(entity) && !earlier.#persisted.has(entity));
    const completed = [...this.#persisted].filter(
      (entity) =>
        isNew(entity) &&
        earlier.#persisted.has(entity) &&
        !isDeepStrictEqual(earlier.#states.get(entity), this.#states.get(entity)),
    );
    return {
      columns,
      rows: new Set([...created, ...[...this.#removed].filter((entity) => !earlier.#removed.has(entity))]),
      isUnclear:
        completed.length > 0 ||
        [...this.#dirty].some((collection) => !earlier.#dirty.has(collection)) ||
        created.some((entity) => refersToNew(entity)),
    };
  }

  #diff(entity: object, before: Snapshot, after: Snapshot): readonly string[] {
    return Object.keys(this.#comparator.diffEntities(metaOf(entity).class, before, after));
  }
}

function isNew(entity: object): boolean {
  return snapshotOf(entity) === undefined;
}

export interface Touched {
  readonly columns: ReadonlyMap<object, ReadonlySet<string>>;
  /** Entities to be inserted or deleted. */
  readonly rows: ReadonlySet<object>;
  /** True when a flush may write more on account of this than the entities say. */
  readonly isUnclear: boolean;
}

export function isTouched({ columns, rows, isUnclear }: Touched): boolean {
  return columns.size > 0 || rows.size > 0 || isUnclear;
}

/** The part of a flush that somebody has touched. */
export function shareOf({ columns, rows }: Touched): Share {
  const isUpdated = ({ entity }: ChangeSet<object>) => columns.has(entity);
  return {
    takes: (change) => rows.has(change.entity) || isUpdated(change),
    takesColumn: ({ entity }, property) => columns.get(entity)?.has(property) === true,
    takesLinks: false,
  };
}

export const everything: Share = { takes: () => true, takesColumn: () => true, takesLinks: true };

const before = new WeakMap<EffectScope, Map<UnitOfWork, Pending>>();

/** Keeps what was pending when a run began: a flush of the run writes it too, and it is none of its effects. */
export function keepPending(scope: EffectScope, pending: Pending): void {
  const known = before.get(scope) ?? new Map<UnitOfWork, Pending>();
  before.set(scope, known.set(pending.uow, pending));
}

export function pendingBefore(scope: EffectScope, uow: UnitOfWork): Share | undefined {
  return before.get(scope)?.get(uow)?.later;
}

function collectionsOf(entity: object) {
  return metaOf(entity)
    .relations.map(({ name }) => Reflect.get(entity, name) as unknown)
    .filter((value) => Utils.isCollection(value));
}

function refersToNew(entity: object): boolean {
  return metaOf(entity).relations.some(({ name }) => {
    const value: unknown = Reflect.get(entity, name);
    if (Utils.isCollection(value)) return value.isDirty();
    return Utils.isEntity<object>(value) && snapshotOf(value) === undefined;
  });
}
