import { AsyncLocalStorage } from 'node:async_hooks';
import { EffectForbidden } from '../errors/effect-errors.js';
import type { Effect } from './effect.js';
import type { FrozenWorld } from './frozen-world.js';
import { SparedTime } from './spared-time.js';

/**
 * - `performed`: effects happen, and are noted.
 * - `captured`: effects are noted in place of happening.
 * - `forbidden`: an effect is an error.
 */
export type EffectMode = 'performed' | 'captured' | 'forbidden';

/** Why what was noted of a run is not the whole truth, such as a socket that it opened. */
export interface Escape {
  readonly what: string;
}

export interface EffectScopeOptions {
  /** Clock and chance of the run; those of the process when left out. */
  readonly world?: FrozenWorld | undefined;
  /** Date.now() at which the run is given up: what it waits for need not wait longer. */
  readonly deadline?: number | undefined;
  /** Hears of each escape after the end of the run. */
  readonly late?: ((what: string) => void) | undefined;
}

const mostEscapes = 50;

/** The effects of one run and of everything that it starts and awaits. */
export class EffectScope {
  readonly mode: EffectMode;
  readonly world: FrozenWorld | undefined;
  readonly spared = new SparedTime();
  readonly effects: Effect[] = [];
  readonly escapes: Escape[] = [];
  /** Ids that were made in the run, and stand in no other one. */
  readonly madeIds = new Set<string>();
  readonly #deadline: number | undefined;
  readonly #late: ((what: string) => void) | undefined;
  /** Begun in the run, and ended by nobody yet. */
  readonly #unended = new Map<object, string>();
  #closed = false;
  #refusedAny = false;

  constructor(mode: EffectMode, options: EffectScopeOptions = {}) {
    this.mode = mode;
    this.world = options.world;
    this.#deadline = options.deadline;
    this.#late = options.late;
  }

  /** False once the run is over. What comes later escapes it. */
  get isOpen(): boolean {
    return !this.#closed;
  }

  /** As it was given, and later by what the run was spared. */
  get deadline(): number | undefined {
    return this.#deadline === undefined ? undefined : this.#deadline + this.spared.milliseconds;
  }

  note(effect: Effect): void {
    if (this.#closed) this.escape(`an effect after the end of the run: ${effect.kind}`);
    else this.effects.push(effect);
  }

  /** An effect was undone within the run, as by the rollback of a transaction that it had opened. */
  withdraw(effect: Effect): void {
    const place = this.effects.indexOf(effect);
    if (place !== -1 && !this.#closed) this.effects.splice(place, 1);
  }

  /** Something happened that this scope does not note as an effect. */
  escape(what: string): void {
    if (this.escapes.length >= mostEscapes || this.escapes.some((each) => each.what === what)) return;
    this.escapes.push({ what });
    if (this.#closed) this.#late?.(what);
  }

  /** Something was kept from happening. What the run made of that says nothing about it. @returns What to throw. */
  refuse(what: string): EffectForbidden {
    this.escape(what);
    this.#refusedAny = true;
    return new EffectForbidden(what);
  }

  get refusedAny(): boolean {
    return this.#refusedAny;
  }

  /** What has to be ended for the effects noted to last, such as a transaction. Unended at the end, it is an escape. */
  began(what: string, it: object): void {
    this.#unended.set(it, what);
  }

  ended(it: object): void {
    this.#unended.delete(it);
  }

  close(): void {
    for (const what of this.#unended.values()) this.escape(`${what} that the run has not ended`);
    this.#unended.clear();
    this.#closed = true;
  }
}

/** `undefined` within: effects happen unnoted, as everywhere else. */
const storage = new AsyncLocalStorage<EffectScope | undefined>();

export function effectScope(): EffectScope | undefined {
  return storage.getStore();
}

export function runInScope<T>(scope: EffectScope, work: () => T): T {
  return storage.run(scope, work);
}

/** For what a library does on its own account within a run, such as a statement of its log. */
export function outsideScopes<T>(work: () => T): T {
  return storage.getStore() === undefined ? work() : storage.run(undefined, work);
}
