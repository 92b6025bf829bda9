import { InvalidArgument } from '../errors/argument-errors.js';

/**
 * Checks an id that is looked for. Ids that no event can have are refused before any SQL.
 *
 * @param argument The name of the argument, as the caller wrote it.
 * @throws {InvalidArgument}
 */
export function checkEventId(argument: string, id: unknown): string {
  if (typeof id === 'string' && id !== '' && id.isWellFormed() && !id.includes('\0')) return id;
  throw new InvalidArgument(argument, 'the id of an event', id, 'Pass `event.id`.');
}
