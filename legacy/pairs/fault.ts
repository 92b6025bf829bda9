/** What the saboteur does: takes an effect away, changes a value within one, or adds one. */
export type FaultKind = 'dropped' | 'altered' | 'added';

/** A planted fault. */
export interface Fault {
  readonly kind: FaultKind;
  /** The effect, and the field within it that was altered. */
  readonly path: string;
}
