export type ModelChange = 'create' | 'update' | 'destroy';

/** Whom to tell how a transaction ended. Must not throw. */
export interface ModelOutcome {
  committed(entity: object, change: ModelChange): void;
  rolledBack(entity: object): void;
}

/** One row that was written, and the ways it can end. */
export interface ModelEntry {
  committed(): void;
  rolledBack(): void;
}

/**
 * What one transaction, with its savepoints, does to publishing entities. Each is told of once, when the outermost
 * transaction commits, whatever was done to it in how many flushes.
 */
export class ModelTransaction {
  readonly #outcome: ModelOutcome;
  readonly #surviving = new Map<object, ModelChange>();
  readonly #rolledBack = new Set<object>();
  #open = 0;

  constructor(outcome: ModelOutcome) {
    this.#outcome = outcome;
  }

  wrote(entity: object, change: ModelChange): ModelEntry {
    this.#open += 1;
    this.#rolledBack.delete(entity);
    return {
      committed: () => {
        this.#surviving.set(entity, merged(this.#surviving.get(entity), change));
        this.#open -= 1;
        if (this.#open === 0) this.#tellCommitted();
      },
      rolledBack: () => {
        this.#open -= 1;
        if (this.#rolledBack.has(entity)) return;
        this.#rolledBack.add(entity);
        this.#outcome.rolledBack(entity);
      },
    };
  }

  #tellCommitted(): void {
    for (const [entity, change] of this.#surviving) this.#outcome.committed(entity, change);
  }
}

/** Created and changed is created; whatever was removed in the end is removed. */
function merged(earlier: ModelChange | undefined, later: ModelChange): ModelChange {
  return earlier === 'create' && later === 'update' ? 'create' : later;
}
