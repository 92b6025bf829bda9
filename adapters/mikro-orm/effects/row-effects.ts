import { ReferenceKind, wrap } from '@mikro-orm/core';
import type { Collection, EntityManager, MikroORM, UnitOfWork } from '@mikro-orm/core';
import { effectScope } from '../../../src/index.js';
import type { EffectScope } from '../../../src/index.js';
import type { Audience } from '../lifecycle/hooks.js';
import { listen } from '../lifecycle/hooks.js';
import { follow } from '../transactions/follow.js';
import { homeOf } from '../transactions/home.js';
import type { Home } from '../transactions/home.js';
import { FlushedRows } from './flushed-rows.js';
import { markFlush } from './flushing.js';
import { generatedKeysOf } from './generated-keys.js';
import { everything, pendingBefore } from './pending-changes.js';
import { heirsOf } from './inheritance.js';
import type { Heir } from './inheritance.js';

interface Flush {
  readonly rows: FlushedRows;
  readonly scope: EffectScope | undefined;
  /** Earlier runs that have left changes to this flush. */
  readonly heirs: readonly Heir[];
}

const noted = new WeakSet<object>();

/** Makes the rows of each flush effects of the run that flushes, or of the run that has left them to be flushed. */
export function noteRows(orm: MikroORM): void {
  const eventManager = orm.em.getEventManager();
  if (noted.has(eventManager)) return;
  noted.add(eventManager);
  listen(orm, new RowEffects(homeOf(orm)));
}

class RowEffects implements Audience {
  readonly #home: Home;
  readonly #flushes = new WeakMap<UnitOfWork, Flush>();

  constructor(home: Home) {
    this.#home = home;
  }

  onFlush: Audience['onFlush'] = async ({ uow }) => {
    const scope = effectScope();
    const heirs = heirsOf(uow);
    if (scope === undefined && heirs.length === 0) return;
    if (scope !== undefined) {
      markFlush(uow);
      if (scope.isOpen) refuseUnseen(uow, scope);
    }
    this.#flushes.set(uow, { rows: new FlushedRows(uow), scope, heirs });
  };

  /** Within an explicit transaction. An implicit one has committed by now, and was told of before. */
  afterFlush: Audience['afterFlush'] = ({ em, uow }) => this.#note(em, uow);

  beforeTransactionCommit: Audience['beforeTransactionCommit'] = async ({ em, uow }) => {
    if (uow !== undefined) await this.#note(em, uow);
  };

  async #note(em: EntityManager, uow: UnitOfWork): Promise<void> {
    const flush = this.#flushes.get(uow);
    this.#flushes.delete(uow);
    if (flush === undefined) return;
    const { rows, scope, heirs } = flush;
    for (const heir of heirs) heir.inherit(rows, scope);
    if (scope === undefined) return;
    const effects = rows.rows(generatedKeysOf(scope), pendingBefore(scope, uow) ?? everything);
    for (const effect of effects) scope.note(effect);
    const open = this.#home.transactionOf(em);
    if (effects.length === 0 || open === undefined) return;
    const withdraw = () => {
      for (const effect of effects) scope.withdraw(effect);
    };
    await follow(open, { committed: () => undefined, rolledBack: withdraw });
  }
}

/** References without data are linked to their owner past all change sets. */
function refuseUnseen(uow: UnitOfWork, scope: EffectScope): void {
  for (const { property, ...collection } of uow.getCollectionUpdates().map(asList)) {
    if (property.kind !== ReferenceKind.ONE_TO_MANY) continue;
    if (collection.isNew || collection.items.some((item) => !wrap(item).isInitialized())) {
      scope.escape(`a collection that is written without change sets: ${property.name}`);
    }
  }
}

function asList(collection: Collection<object>) {
  const { property } = collection;
  return { property, isNew: collection.getSnapshot() === undefined, items: collection.getItems(false) };
}
