import { ChangeSetType } from '@mikro-orm/core';
import type { ChangeSet, EntityManager, UnitOfWork } from '@mikro-orm/core';
import { eachLink } from './collection-changes.js';
import { EntityChange } from './entity-change.js';
import type { ChangeKind, FlushedEntity, Snapshot } from './entity-change.js';
import { metaOf, readersOf, snapshotOf } from './stored-values.js';

interface LinkSets {
  readonly added: Set<object>;
  readonly removed: Set<object>;
}

/** Gathers what one flush writes of the entities somebody watches, in the order of writing. */
export class Flush {
  readonly #written = new Map<object, FlushedEntity>();
  /** Taken before the flush, because writing forgets it. */
  readonly #removedSnapshots = new Map<object, Snapshot>();
  readonly #generated = new Map<object, ReadonlyMap<string, unknown>>();
  readonly #links = new Map<object, Map<string, LinkSets>>();

  constructor(uow: UnitOfWork, isWatched: (entity: object) => boolean) {
    for (const { entity, type } of uow.getChangeSets()) {
      if (!isWatched(entity)) continue;
      if (type === ChangeSetType.DELETE || type === ChangeSetType.DELETE_EARLY) this.#rememberRemoved(entity);
      else this.#rememberGenerated(entity);
    }
    eachLink(uow, (owner, property, change, item) => {
      if (isWatched(owner)) this.#linksOf(owner, property)[change].add(item);
    });
  }

  /** The first time counts: MikroORM writes an entity in several steps where constraints demand it. */
  wrote(kind: ChangeKind, entity: object, changeSet: ChangeSet<object> | undefined): void {
    if (this.#written.has(entity)) return;
    const before = kind === 'removed' ? this.#removedSnapshots.get(entity) : changeSet?.originalEntity;
    this.#written.set(entity, this.#flushed(kind, entity, before ?? {}));
  }

  /** Entities of which only collections have changed come last: they have no row of their own in this flush. */
  changes(em: EntityManager): readonly EntityChange[] {
    for (const entity of this.#links.keys()) {
      if (this.#written.has(entity) || snapshotOf(entity) === undefined) continue;
      this.#written.set(entity, this.#flushed('updated', entity, snapshotOf(entity) ?? {}));
    }
    const readers = readersOf(em);
    return [...this.#written.values()].map((each) => new EntityChange(each, readers));
  }

  #flushed(kind: ChangeKind, entity: object, before: Snapshot): FlushedEntity {
    const generated = this.#generated.get(entity) ?? new Map<string, unknown>();
    return { kind, entity, before, generated, links: toChanges(this.#links.get(entity)) };
  }

  #rememberRemoved(entity: object): void {
    this.#removedSnapshots.set(entity, snapshotOf(entity) ?? {});
  }

  #rememberGenerated(entity: object): void {
    const names = metaOf(entity).props.filter(
      (each) => each.version === true || each.generated !== undefined,
    );
    if (names.length === 0) return;
    const current = entity as Record<string, unknown>;
    this.#generated.set(entity, new Map(names.map(({ name }) => [name, current[name]])));
  }

  #linksOf(owner: object, property: string): LinkSets {
    const properties = this.#links.get(owner) ?? new Map<string, LinkSets>();
    this.#links.set(owner, properties);
    const links = properties.get(property) ?? { added: new Set(), removed: new Set() };
    properties.set(property, links);
    return links;
  }
}

function toChanges(links: ReadonlyMap<string, LinkSets> = new Map()): FlushedEntity['links'] {
  const entries = [...links].map(([property, { added, removed }]) => {
    return [property, { added: [...added], removed: [...removed] }] as const;
  });
  return new Map(entries);
}
