import type { UnitOfWork } from '@mikro-orm/core';
import type { EffectScope, LeftBehind } from '../../../src/index.js';
import type { FlushedRows, Share } from './flushed-rows.js';
import { generatedKeysOf } from './generated-keys.js';

/** Who has left changes to the next flush of a unit of work. */
export interface Heir {
  /** @param by The run that flushes. It notes all rows itself. */
  inherit(rows: FlushedRows, by: EffectScope | undefined): void;
}

/** Milliseconds after which nobody is thought to flush any more. */
const patience = 10_000;
const heirs = new WeakMap<UnitOfWork, Set<Heir>>();

/** They are told of one flush only: it writes all that is pending. */
export function heirsOf(uow: UnitOfWork): readonly Heir[] {
  return [...(heirs.get(uow) ?? [])];
}

/** Resolves with the rows of `share` when the unit of work has been flushed. */
export function inherit(uow: UnitOfWork, scope: EffectScope, share: Share): Promise<LeftBehind> {
  const { promise, resolve } = Promise.withResolvers<LeftBehind>();
  const waiting = heirs.get(uow) ?? new Set<Heir>();
  heirs.set(uow, waiting);
  const heir: Heir = {
    inherit(rows, by) {
      const effects = by === scope && scope.isOpen ? [] : rows.rows(generatedKeysOf(scope), share);
      end({ effects, escapes: [] });
    },
  };
  const end = (left: LeftBehind) => {
    waiting.delete(heir);
    clearTimeout(timer);
    resolve(left);
  };
  const escapes = ['changes of entities that nobody has flushed'];
  const timer = setTimeout(() => end({ effects: [], escapes }), patience).unref();
  waiting.add(heir);
  return promise;
}
