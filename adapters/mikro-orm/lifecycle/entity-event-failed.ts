import { HandoverError } from '../../../src/index.js';

/** A maker of `entityEvents` threw. The flush was refused, and its transaction can only roll back. */
export class EntityEventFailed extends HandoverError {
  readonly code = 'entity_event_failed';
  readonly entityName: string;
  /** Which maker: `created`, `changed amount`. */
  readonly rule: string;

  constructor(entityName: string, rule: string, cause: unknown) {
    super(
      `The event for "${rule}" of ${entityName} could not be made: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Mend the maker given to `entityEvents`; return `undefined` from it where there is nothing to record.',
      cause,
    );
    this.entityName = entityName;
    this.rule = rule;
  }
}
