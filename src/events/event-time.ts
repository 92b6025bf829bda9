import { isDate } from 'node:util/types';

/** PostgreSQL keeps no time before it: the year 4713 BC. */
export const earliestTime: number = Date.UTC(-4712, 0, 1);

/** True for dates that every log can keep. */
export function isEventTime(value: unknown): value is Date {
  return isDate(value) && value.getTime() >= earliestTime;
}
