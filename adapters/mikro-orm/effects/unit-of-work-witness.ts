import { EntityManager, TransactionContext, Utils, wrap } from '@mikro-orm/core';
import type { MikroORM, UnitOfWork } from '@mikro-orm/core';
import type { EffectScope, EffectWitness, LeftBehind, RunWatch } from '../../../src/index.js';
import { inherit } from './inheritance.js';
import { isTouched, keepPending, Pending, shareOf } from './pending-changes.js';
import { rehearsal } from './rehearsal.js';

const mostEntities = 10_000;

/**
 * Compares units of work before and after a run: what it changes and does not flush is flushed by its publisher, and
 * belongs to it all the same.
 *
 * Looks at the unit of work of the transaction or request, and at those of the entities and entity managers near the
 * run. Others are unseen.
 */
export function unitOfWorkWitness(orm: MikroORM): EffectWitness {
  return {
    watch(scope, near) {
      const current = rehearsal();
      if (scope.mode !== 'performed') return current === undefined ? nothing : flushing(current.em);
      const managers = managersNear(orm, near ?? []);
      return near === undefined ? new LonelyWatch(scope, managers) : new SharedWatch(scope, managers);
    },
  };
}

const nothing: RunWatch = {
  returned: () => undefined,
  finish: () => undefined,
  leftBehind: () => undefined,
};

/** Nobody else would flush what a captured run leaves, and nobody would see its rows. */
function flushing(em: EntityManager): RunWatch {
  return { ...nothing, finish: () => (isEmpty(em.getUnitOfWork(false)) ? undefined : em.flush()) };
}

function isEmpty(uow: UnitOfWork): boolean {
  const stacks = [uow.getPersistStack(), uow.getRemoveStack(), uow.getOrphanRemoveStack()];
  return stacks.every(({ size }) => size === 0) && uow.getIdentityMap().keys().length === 0;
}

abstract class UnitOfWorkWatch implements RunWatch {
  readonly #scope: EffectScope;
  readonly #before: ReadonlyMap<EntityManager, Pending>;
  readonly #left: Promise<LeftBehind>[] = [];
  protected readonly escapes: string[] = [];

  constructor(scope: EffectScope, managers: ReadonlySet<EntityManager>) {
    this.#scope = scope;
    this.#before = new Map(Array.from(managers, (em) => [em, new Pending(em)]));
    for (const pending of this.#before.values()) {
      keepPending(scope, pending);
      if (pending.size > mostEntities) scope.escape('more entities than can be compared');
    }
  }

  abstract returned(): void;
  abstract leftBehind(): Promise<LeftBehind> | undefined;

  finish(): void {}

  /** What is pending since the run began will be flushed on its behalf. */
  protected leave(): ReadonlyMap<EntityManager, Pending> {
    const after = new Map<EntityManager, Pending>();
    for (const [em, earlier] of this.#before) {
      const now = new Pending(em);
      after.set(em, now);
      const touched = now.since(earlier);
      if (!isTouched(touched)) continue;
      if (touched.isUnclear)
        this.escapes.push('changes of entities that cannot be told from those of others');
      this.#left.push(inherit(now.uow, this.#scope, shareOf(touched)));
    }
    return after;
  }

  protected left(): Promise<LeftBehind> | undefined {
    if (this.#left.length === 0 && this.escapes.length === 0) return undefined;
    return Promise.all(this.#left).then((left) => ({
      effects: left.flatMap((each) => each.effects),
      escapes: [...this.escapes, ...left.flatMap((each) => each.escapes)],
    }));
  }
}

/** Of a run that has its units of work to itself until it is over. */
class LonelyWatch extends UnitOfWorkWatch {
  returned(): void {}

  leftBehind(): Promise<LeftBehind> | undefined {
    this.leave();
    return this.left();
  }
}

/** Of a run within its publisher: once it waits for something, others take turns with it. */
class SharedWatch extends UnitOfWorkWatch {
  #after: ReadonlyMap<EntityManager, Pending> = new Map();
  #isLater = false;

  returned(): void {
    this.#after = this.leave();
    queueMicrotask(() => (this.#isLater = true));
  }

  leftBehind(): Promise<LeftBehind> | undefined {
    if (
      this.#isLater &&
      [...this.#after].some(([em, earlier]) => isTouched(new Pending(em).since(earlier)))
    ) {
      this.escapes.push('changes of entities that the run or somebody else has made meanwhile');
    }
    return this.left();
  }
}

function managersNear(orm: MikroORM, near: readonly unknown[]): ReadonlySet<EntityManager> {
  const { name } = orm.em;
  const here = TransactionContext.getEntityManager(name) ?? orm.config.get('context')(name) ?? orm.em;
  const found = new Set<EntityManager>([here]);
  const look = (value: unknown) => {
    const em = managerOf(value);
    if (em?.getDriver() === orm.em.getDriver()) found.add(em.getContext(false));
  };
  for (const value of near) {
    look(value);
    if (isHolder(value)) for (const part of Object.values(value)) look(part);
  }
  return found;
}

function managerOf(value: unknown): EntityManager | undefined {
  if (value instanceof EntityManager) return value;
  if (!Utils.isEntity<object>(value, true)) return undefined;
  const { __em: em } = wrap(value, true);
  return em;
}

function isHolder(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Utils.isEntity(value, true);
}
