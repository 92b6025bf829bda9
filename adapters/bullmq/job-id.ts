import { createHash } from 'node:crypto';
import type { DeliveryJob } from '../../src/index.js';

/**
 * BullMQ passes over in silence what has the id of a job that it keeps. Tokens differ by their fence; the event tells
 * apart those of a database made anew, whose fences begin again. Neither a number nor with a colon, which it refuses.
 */
export function jobIdOf({ token, eventId }: Pick<DeliveryJob, 'token' | 'eventId'>): string {
  const event = createHash('sha256').update(eventId).digest('hex').slice(0, 16);
  return `${encodeURIComponent(token)}_${event}`;
}
