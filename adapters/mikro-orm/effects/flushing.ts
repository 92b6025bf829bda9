import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChangeSetPersister, IDatabaseDriver, UnitOfWork } from '@mikro-orm/core';

const storage = new AsyncLocalStorage<boolean>();
const watched = new WeakSet<object>();

/** True while a unit of work sends what its change sets say. */
export function isFlushing(): boolean {
  return storage.getStore() === true;
}

/** Marks what the unit of work sends, and nothing that hooks of its flush send. */
export function markFlush(uow: UnitOfWork): void {
  const persister: ChangeSetPersister = uow.getChangeSetPersister();
  mark(persister, ['executeInserts', 'executeUpdates', 'executeDeletes']);
}

export function markCollections(driver: IDatabaseDriver): void {
  mark(driver, ['syncCollections']);
}

function mark<T extends object>(owner: T, methods: readonly (keyof T & string)[]): void {
  if (watched.has(owner)) return;
  watched.add(owner);
  for (const name of methods) {
    const method = owner[name] as (...args: unknown[]) => unknown;
    const marked = (...args: unknown[]): unknown => storage.run(true, () => method.apply(owner, args));
    Object.defineProperty(owner, name, { value: marked, writable: true, configurable: true });
  }
}
