import type { EntityManager, MikroORM } from '@mikro-orm/core';
import { checkKnownOptions, InvalidArgument } from '../../../src/index.js';
import { effectScope, outsideScopes } from '../../../src/index.js';
import { follow } from '../transactions/follow.js';
import { homeOf } from '../transactions/home.js';
import type { OpenTransaction } from '../transactions/open-transaction.js';
import { listen } from './hooks.js';
import { ModelBroadcastFailed } from './model-broadcast-failed.js';
import { ModelTransaction } from './model-transaction.js';
import type { ModelChange, ModelOutcome } from './model-transaction.js';

/** An entity that broadcasts, such as one whose class extends `Publisher(…)` of the legacy bus. */
interface Model {
  broadcast(event: string, model: object): unknown;
}

export interface ModelBroadcastsOptions {
  /** Entity classes, with their subclasses. Default: every entity that has a `broadcast` method. */
  readonly on?: readonly ModelClass[] | undefined;
  /** The name within `create_<key>_successful`. Default: the class name in snake case, `BlogPost` → `blog_post`. */
  readonly key?: ((entityClass: ModelClass) => string) | undefined;
  /**
   * Takes a `ModelBroadcastFailed` for each broadcast during which a listener threw: the flush that led to it has
   * succeeded and does not fail any more. Default: a process warning.
   */
  readonly onError?: ((error: ModelBroadcastFailed) => void) | undefined;
}

export type ModelClass = abstract new (...args: never[]) => object;

/**
 * Lets entities broadcast their lifecycle, with themselves as the argument, once for each transaction.
 *
 * After the outermost commit: `after_commit`, `<key>_committed`, then `after_create` and `create_<key>_successful`,
 * or the same with `update` or `destroy`. Created and updated in one transaction is created; destroyed is destroyed.
 * When a transaction or savepoint rolls back: `after_rollback`.
 *
 * A listener that saves must do so through another entity manager, such as `orm.em.fork()`: that of the entity may
 * still be busy with the flush. Unseen is what `entityEvents` cannot see either.
 *
 * @returns What ends it.
 * @throws {InvalidArgument}
 */
export function modelBroadcasts(orm: MikroORM, options: ModelBroadcastsOptions = {}): () => void {
  checkKnownOptions(options, ['on', 'key', 'onError']);
  const isChosen = chooser(options.on);
  const home = homeOf(orm);
  const outcome = broadcaster(options);
  const transactions = new WeakMap<OpenTransaction, ModelTransaction>();

  const transactionOf = (root: OpenTransaction): ModelTransaction => {
    const known = transactions.get(root) ?? new ModelTransaction(outcome);
    transactions.set(root, known);
    return known;
  };
  const wrote =
    (change: ModelChange) =>
    async ({ entity, em }: { entity: object; em: EntityManager }) => {
      if (!isModel(entity) || !isChosen(entity) || isCaptured()) return;
      const open = home.transactionOf(em);
      if (open === undefined) outcome.committed(entity, change);
      else await follow(open, transactionOf(open.root()).wrote(entity, change));
    };

  return listen(orm, {
    afterCreate: wrote('create'),
    afterUpdate: wrote('update'),
    afterDelete: wrote('destroy'),
  });
}

function broadcaster({ key = snakeCaseName, onError = warn }: ModelBroadcastsOptions): ModelOutcome {
  const broadcast = (model: object, event: string) => {
    try {
      outsideScopes(() => (model as Model).broadcast(event, model));
    } catch (error) {
      report(onError, new ModelBroadcastFailed(event, model.constructor.name, error));
    }
  };
  return {
    committed(model, change) {
      const name = key(model.constructor as ModelClass);
      broadcast(model, 'after_commit');
      broadcast(model, `${name}_committed`);
      broadcast(model, `after_${change}`);
      broadcast(model, `${change}_${name}_successful`);
    },
    rolledBack: (model) => broadcast(model, 'after_rollback'),
  };
}

/** A captured run changes no rows, and its transaction is none that anybody else has heard of. */
function isCaptured(): boolean {
  return (effectScope()?.mode ?? 'performed') !== 'performed';
}

function report(onError: (error: ModelBroadcastFailed) => void, error: ModelBroadcastFailed): void {
  try {
    onError(error);
  } catch (thrown) {
    warn(error);
    warn(thrown);
  }
}

function warn(error: unknown): void {
  process.emitWarning(
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    'HandoverWarning',
  );
}

function isModel(entity: object): entity is Model {
  return typeof (entity as Partial<Model>).broadcast === 'function';
}

function chooser(classes: readonly ModelClass[] | undefined): (entity: object) => boolean {
  if (classes === undefined) return () => true;
  if (!Array.isArray(classes) || !classes.every((each) => typeof each === 'function'))
    throw new InvalidArgument('on', 'a list of entity classes', classes);
  return (entity) => classes.some((each) => entity instanceof each);
}

/** As Rails does: `HTMLPage` → `html_page`. */
function snakeCaseName({ name }: ModelClass): string {
  return name
    .replaceAll(/([A-Z\d]+)([A-Z][a-z])/g, '$1_$2')
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
