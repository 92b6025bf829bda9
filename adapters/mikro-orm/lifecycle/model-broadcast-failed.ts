import { HandoverError } from '../../../src/index.js';

/** A listener of a model broadcast threw. The rows are committed, or rolled back, all the same. */
export class ModelBroadcastFailed extends HandoverError {
  readonly code = 'model_broadcast_failed';
  readonly eventName: string;
  readonly entityName: string;

  constructor(eventName: string, entityName: string, cause: unknown) {
    super(
      `A listener of "${eventName}" of ${entityName} threw: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Catch the error inside the listener, or handle it in `onError` of `modelBroadcasts`.',
      cause,
    );
    this.eventName = eventName;
    this.entityName = entityName;
  }
}
