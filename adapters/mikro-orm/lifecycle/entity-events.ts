import type { EntityManager, EntityMetadata, EntityName, MikroORM, UnitOfWork } from '@mikro-orm/core';
import { InvalidArgument } from '../../../src/index.js';
import type { EventStore } from '../../../src/index.js';
import { homeOf } from '../transactions/home.js';
import type { Participant } from '../transactions/open-transaction.js';
import type { ChangeKind, EntityChange } from './entity-change.js';
import { EntityEventFailed } from './entity-event-failed.js';
import { entityRules } from './entity-rules.js';
import type { EntityRules, Rule } from './entity-rules.js';
import { Flush } from './flush.js';
import { listen } from './hooks.js';
import type { Audience } from './hooks.js';

/** `on(CatalogItem)`: the rules of an entity class and its subclasses. */
export type OnEntity = <T extends object>(entity: EntityName<T>) => EntityRules<T>;

/**
 * Records events for what flushes do to entities: in the transaction of the rows, so that both commit or neither;
 * handlers hear them after its outermost commit. One event for each flush that changed something, in the order of
 * writing.
 *
 * A maker or a recording that fails makes the flush reject, and its transaction can only roll back.
 *
 * Unseen, because MikroORM tells nobody: `em.nativeUpdate`, `em.nativeDelete`, `em.insert`, `em.insertMany`, the query
 * builder, raw SQL, and what the database does by itself (cascades, triggers). `em.upsert` is unseen too, and warned
 * of once for each entity class. Entity managers forked with `freshEventManager` are unseen. With
 * `implicitTransactions: false`, what is flushed outside a transaction is recorded after its rows.
 *
 * @param store Its log must be `mikroOrmLog(orm)`: another one knows nothing of the transaction of the rows.
 * @returns What ends it.
 * @throws {InvalidArgument} A class that is no entity, or a property that is not its own.
 */
export function entityEvents(orm: MikroORM, store: EventStore, define: (on: OnEntity) => void): () => void {
  const events = new EntityEvents(orm, store);
  define((entity) => events.rulesFor(entity));
  return listen(orm, events);
}

interface EntityRule extends Rule {
  readonly meta: EntityMetadata<object>;
}

class EntityEvents implements Audience {
  readonly #orm: MikroORM;
  readonly #store: EventStore;
  readonly #rules: EntityRule[] = [];
  readonly #watched = new Map<unknown, boolean>();
  readonly #flushes = new WeakMap<UnitOfWork, Flush>();
  readonly #upserted = new Set<string>();

  constructor(orm: MikroORM, store: EventStore) {
    this.#orm = orm;
    this.#store = store;
  }

  rulesFor<T extends object>(entity: EntityName<T>): EntityRules<T> {
    const meta = this.#orm.getMetadata().find(entity) as EntityMetadata<object> | undefined;
    if (meta === undefined || meta.embeddable) {
      throw new InvalidArgument(
        'on()',
        'given an entity class of this ORM',
        entity,
        'List it in `entities`.',
      );
    }
    return entityRules(meta, (rule) => this.#rules.push({ ...rule, meta })) as unknown as EntityRules<T>;
  }

  onFlush: Audience['onFlush'] = ({ uow }) => {
    this.#flushes.set(uow, new Flush(uow, (entity) => this.#isWatched(entity)));
  };

  afterCreate: Audience['afterCreate'] = (args) => this.#wrote('created', args);
  afterUpdate: Audience['afterUpdate'] = (args) => this.#wrote('updated', args);
  afterDelete: Audience['afterDelete'] = (args) => this.#wrote('removed', args);

  afterUpsert: Audience['afterUpsert'] = ({ entity, meta }) => {
    if (!this.#isWatched(entity) || this.#upserted.has(meta.className)) return;
    this.#upserted.add(meta.className);
    process.emitWarning(
      `em.upsert() wrote ${meta.className}, and does not tell what it changed: no event was recorded.\n` +
        '  → Publish one with `store.publish()`, or find the entity, change it and flush.',
      { code: 'HANDOVER_UPSERT_UNSEEN' },
    );
  };

  /** Within an explicit transaction. An implicit one has committed by now, and was told of before. */
  afterFlush: Audience['afterFlush'] = ({ em, uow }) => this.#record(em, uow);

  beforeTransactionCommit: Audience['beforeTransactionCommit'] = ({ em, uow }) =>
    uow === undefined ? undefined : this.#record(em, uow);

  #wrote(
    kind: ChangeKind,
    { entity, em, changeSet }: Parameters<NonNullable<Audience['afterCreate']>>[0],
  ): void {
    if (this.#isWatched(entity)) this.#flushes.get(em.getUnitOfWork(false))?.wrote(kind, entity, changeSet);
  }

  #isWatched(entity: object): boolean {
    const known = this.#watched.get(entity.constructor);
    if (known !== undefined) return known;
    const isWatched = this.#rules.some((rule) => isOf(rule, entity));
    this.#watched.set(entity.constructor, isWatched);
    return isWatched;
  }

  async #record(em: EntityManager, uow: UnitOfWork): Promise<void> {
    const flush = this.#flushes.get(uow);
    this.#flushes.delete(uow);
    if (flush === undefined) return;
    try {
      for (const change of flush.changes(em)) {
        for (const rule of this.#rules) if (isOf(rule, change.entity)) await this.#apply(rule, change, em);
      }
    } catch (error) {
      homeOf(this.#orm).transactionOf(em)?.scope(judge).doom(error);
      throw error;
    }
  }

  async #apply(rule: EntityRule, change: EntityChange, em: EntityManager): Promise<void> {
    const { made, stream } = await make(rule, change);
    if (made !== undefined) await this.#store.publish(made, { stream, em });
  }
}

/** Records nothing; it has a say in whether the transaction may commit. */
const judge: Participant = {
  maxEventsPerTransaction: 0,
  write: () => Promise.resolve([]),
  report: (error) => process.emitWarning(String(error)),
};

async function make(rule: EntityRule, change: EntityChange) {
  try {
    const made = await rule.make(change);
    return { made, stream: made === undefined ? undefined : rule.streamOf(change.entity) };
  } catch (error) {
    throw new EntityEventFailed(rule.meta.className, rule.name, error);
  }
}

function isOf({ meta }: EntityRule, entity: object): boolean {
  return entity instanceof meta.class;
}
