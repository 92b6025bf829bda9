import { setImmediate as turn } from 'node:timers/promises';
import { types } from 'node:util';
import {
  EffectScope,
  outsideScopes,
  runInScope,
  type Effect,
  type EffectMode,
  type FrozenWorld,
  type RunWatch,
} from '../../src/index.js';

/** What one side did with one event. */
export interface Observation {
  readonly effects: readonly Effect[];
  /** Why the effects are not the whole truth. */
  readonly escapes: readonly string[];
  readonly error: { readonly name: string; readonly message: string } | undefined;
  /** True when it was kept from something: an error may come of that. */
  readonly refused?: boolean | undefined;
  /** True when it was given up: a name of its error proves nothing. */
  readonly overBudget?: boolean | undefined;
  /** Milliseconds. */
  readonly duration: number;
  /** When it ran. */
  readonly time?: Span | undefined;
  /** What its clock showed, where that stood still. */
  readonly frozen?: Span | undefined;
  /** Ids that the run made for itself. */
  readonly madeIds?: readonly string[] | undefined;
  /** Of an observation that came through the store: its effects are as they are compared, secrets sealed. */
  readonly shared?: Shared | undefined;
}

export interface Shared {
  /** Rows, and how to undo them. */
  readonly undoable: readonly Effect[];
  readonly usedMasks: readonly string[];
  /** Some of its secrets cannot be compared. */
  readonly isBlind: boolean;
}

/** In milliseconds since 1970, both ends included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface RunSettings {
  readonly mode: EffectMode;
  /** Watches what the run leaves behind. */
  readonly watch?: ((scope: EffectScope) => RunWatch | undefined) | undefined;
  readonly world?: FrozenWorld | undefined;
  /** Hears of each escape after the observation was handed over. */
  readonly late?: ((what: string) => void) | undefined;
}

/**
 * Calls `work` and notes its effects, also those of the promise that it returns.
 *
 * @throws What `work` throws, after noting it: `seen` still gets the observation.
 */
export function observe(
  settings: RunSettings,
  work: () => unknown,
  seen: (observation: Promise<Observation>) => void,
): unknown {
  const run = new ObservedRun(settings);
  try {
    const result = run.call(work);
    const over = types.isPromise(result)
      ? result.then(
          () => run.end(),
          (error: unknown) => run.end({ error }),
        )
      : run.end();
    seen(over);
    return result;
  } catch (error) {
    seen(run.end({ error }));
    throw error;
  }
}

/** As {@link observe}, with the end of the budget for an error, and without throwing. @param budget Milliseconds. */
export async function observeWithin(
  budget: number,
  settings: RunSettings,
  work: () => unknown,
): Promise<Observation> {
  const run = new ObservedRun(settings, Date.now() + budget);
  const givenUp = Promise.withResolvers<Observation>();
  const endTimer = run.whenOverdue(() => givenUp.resolve(run.giveUp(budget)));
  const over: Promise<Observation> = run.callToTheEnd(work).then(
    () => run.end(),
    (error: unknown) => run.end({ error }),
  );
  try {
    return await Promise.race([over, givenUp.promise]);
  } finally {
    endTimer();
  }
}

export function isOverBudget({ overBudget }: Observation): boolean {
  return overBudget === true;
}

/** What a run that shall find what this one has found must undo. */
export function toUndo({ effects, shared }: Observation): readonly Effect[] {
  return shared?.undoable ?? effects;
}

/** For those who only read what it has done. */
export function withoutUndo(observation: Observation): Observation {
  const effects = observation.effects.map((effect): Effect => {
    if (effect.kind !== 'row') return effect;
    return { ...effect, undo: undefined };
  });
  return { ...observation, effects };
}

class ObservedRun {
  readonly #scope: EffectScope;
  readonly #watch: RunWatch | undefined;
  readonly #began = Date.now();
  readonly #started = performance.now();

  constructor({ mode, watch, world, late }: RunSettings, deadline?: number) {
    this.#scope = new EffectScope(mode, { world, deadline, late: (what) => this.#isSeen && late?.(what) });
    this.#watch = this.#quietly(() => watch?.(this.#scope));
  }

  /** For a run that somebody waits for: no slower than without observation. */
  call(work: () => unknown): unknown {
    try {
      const result = runInScope(this.#scope, work);
      if (isLazy(result)) this.#scope.escape('a result that starts only when somebody awaits it');
      return result;
    } finally {
      this.#quietly(() => this.#watch?.returned());
    }
  }

  /** For a run that nobody else waits for. */
  async callToTheEnd(work: () => unknown): Promise<void> {
    await runInScope(this.#scope, async () => {
      await work();
      await this.#watch?.finish();
    });
  }

  #isSeen = false;

  /** @returns What ends the watch for it. */
  whenOverdue(giveUp: () => void): () => void {
    let timer: NodeJS.Timeout | undefined;
    const look = () => {
      const left = (this.#scope.deadline ?? Infinity) - Date.now();
      if (left <= 0) giveUp();
      else timer = setTimeout(look, left).unref();
    };
    look();
    return () => {
      clearTimeout(timer);
    };
  }

  async end(failure?: { readonly error: unknown }): Promise<Observation> {
    const duration = this.#duration();
    const to = Date.now();
    this.#scope.close();
    const left = await this.#quietly(() => this.#watch?.leftBehind());
    // What floats behind the run has its turn before the run is judged.
    await outsideScopes(async () => {
      await turn();
      await turn();
    });
    return this.#seen({ duration, to, left, error: failure && textOf(failure.error) });
  }

  giveUp(budget: number): Observation {
    const duration = this.#duration();
    const error = { name: 'BudgetExceeded', message: `It was not over after ${budget} ms.` };
    this.#scope.close();
    const ending = { duration, to: Date.now(), left: undefined, error };
    return { ...this.#seen(ending), overBudget: true };
  }

  #duration(): number {
    return performance.now() - this.#started - this.#scope.spared.milliseconds;
  }

  /** A watch that fails is no matter of whoever waits for the run. */
  #quietly<T>(watch: () => T): T | undefined {
    try {
      return watch();
    } catch (error) {
      this.#scope.escape(`what it has left behind is not known: ${textOf(error).message}`);
      return undefined;
    }
  }

  #seen({ duration, to, left, error }: Ending): Observation {
    this.#isSeen = true;
    const { effects, escapes, madeIds, world } = this.#scope;
    return {
      effects: [...effects, ...(left?.effects ?? [])],
      escapes: [...escapes.map(({ what }) => what), ...(left?.escapes ?? [])],
      error,
      refused: this.#scope.refusedAny,
      duration,
      time: { from: this.#began, to },
      frozen: world && { from: world.start, to: world.last },
      madeIds: [...madeIds],
    };
  }
}

interface Ending {
  readonly duration: number;
  readonly to: number;
  readonly left: Awaited<ReturnType<RunWatch['leftBehind']>>;
  readonly error: Observation['error'];
}

/** Such as a query builder: it has done nothing yet, and what it will do belongs to no scope. */
function isLazy(result: unknown): boolean {
  if (typeof result !== 'object' || result === null || types.isPromise(result)) return false;
  return 'then' in result && typeof result.then === 'function';
}

function textOf(error: unknown): NonNullable<Observation['error']> {
  if (error instanceof Error) return { name: error.name, message: error.message.slice(0, 1_000) };
  return { name: 'Error', message: String(error).slice(0, 1_000) };
}
