import { HandoverError } from '../../src/index.js';

/** The scheduler did not answer in time. Nothing is lost: deliveries wait in the log until it is back. */
export class SchedulerUnreachable extends HandoverError {
  readonly code = 'scheduler_unreachable';

  constructor(cause?: unknown) {
    super(
      'The scheduler does not answer. Publishing goes on, and queued handlers wait.',
      'Bring its Redis or PostgreSQL back, or check `connection`: deliveries go on by themselves then.',
      cause,
    );
  }
}
