import { AsyncLocalStorage } from 'node:async_hooks';
import {
  createRegistrationList,
  type Delivery,
  type Registration,
  type RegistrationList,
  type RegistrationSettings,
} from './registration.js';

/** Registrations that hold within one block and what it awaits. */
export interface TemporaryListeners {
  /** Runs `block` with the registrations, and takes them away when it ends, however it ends. */
  during(registrations: readonly Registration[], block: () => unknown): unknown;
  /** Those of the surrounding blocks, outer ones first. */
  current(): readonly RegistrationList[];
  deliveriesOf(eventName: string): readonly Delivery[];
  afterCommitOf(eventName: string): readonly Delivery[];
}

interface Scope {
  readonly outer: Scope | undefined;
  readonly list: RegistrationList;
}

const none: readonly Delivery[] = [];

export function createTemporaryListeners(settings: RegistrationSettings): TemporaryListeners {
  const storage = new AsyncLocalStorage<Scope>();
  let open = 0;

  function enter(registrations: readonly Registration[]): Scope {
    const list = createRegistrationList(settings);
    for (const each of registrations) list.add(each);
    open += 1;
    return { outer: storage.getStore(), list };
  }

  /** Emptied and not only left, because work that the block did not await still sees it. */
  function leave(scope: Scope): void {
    scope.list.clear();
    open -= 1;
  }

  function current(): readonly RegistrationList[] {
    const lists: RegistrationList[] = [];
    for (let scope = storage.getStore(); scope !== undefined; scope = scope.outer) lists.unshift(scope.list);
    return lists;
  }

  return {
    current,
    during(registrations, block) {
      const scope = enter(registrations);
      let result: unknown;
      try {
        result = storage.run(scope, () => settled(block()));
      } catch (error) {
        leave(scope);
        throw error;
      }
      if (result instanceof Promise) return result.finally(() => leave(scope));
      leave(scope);
      return result;
    },
    deliveriesOf: (eventName) =>
      open === 0 ? none : current().flatMap((each) => each.deliveriesOf(eventName)),
    afterCommitOf: (eventName) =>
      open === 0 ? none : current().flatMap((each) => each.afterCommitOf(eventName)),
  };
}

/** Inside the block's context, because a foreign thenable may work only once it is awaited. */
function settled(result: unknown): unknown {
  return isThenable(result) ? Promise.resolve(result) : result;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
