import type { Effect } from './effect.js';
import type { EffectScope } from './effect-scope.js';

/**
 * Sees what a run leaves behind for others to carry out, such as changes of entities that its publisher will flush.
 * Part of a log whose database's library keeps changes back.
 */
export interface EffectWitness {
  /**
   * A run begins. Called before it, outside of its scope.
   *
   * @param near What it may change and shares with others: the publisher, arguments, the listener. Left out: what it
   * finds is its own.
   */
  watch(scope: EffectScope, near?: readonly unknown[]): RunWatch;
}

/** One run under watch. */
export interface RunWatch {
  /** It has returned, perhaps with a promise. Called outside of its scope, as all of these. */
  returned(): void;
  /** It is over, its promise too, and its scope still open: carries out what it has left behind, if nobody else will. */
  finish(): void | Promise<void>;
  /** Its scope is closed. What others will have carried out on its behalf; `undefined` when nothing was left. */
  leftBehind(): Promise<LeftBehind> | undefined;
}

export interface LeftBehind {
  readonly effects: readonly Effect[];
  readonly escapes: readonly string[];
}
