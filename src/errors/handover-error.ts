const family = Symbol.for('handover.error');

/**
 * Every failure this library raises on purpose.
 *
 * Match on `code`, which never changes, and not on the message. The message names the problem, then, after an
 * arrow, what to do next.
 */
export abstract class HandoverError extends Error {
  abstract readonly code: string;

  protected constructor(problem: string, remedy: string, cause?: unknown) {
    super(explain(problem, remedy), cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    enrol(this);
  }

  /** True for the whole family, also for {@link HandlersFailed}, which is an `AggregateError` by birth. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this === HandoverError) return isEnrolled(value);
    return Function.prototype[Symbol.hasInstance].call(this, value);
  }
}

export function explain(problem: string, remedy: string): string {
  return `${problem}\n  → ${remedy}`;
}

/** Marks an error that cannot extend {@link HandoverError} as one of the family. */
export function enrol(error: Error): void {
  Object.defineProperty(error, family, { value: true });
}

function isEnrolled(value: unknown): boolean {
  return typeof value === 'object' && value !== null && family in value;
}
