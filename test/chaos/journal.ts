import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * - `together`, `undone`, `alone`: what a publisher is about to do: commit an event with its row, roll both back, or
 *   publish without a transaction.
 * - `acknowledged`: the store said that it is recorded. `refused`: that it is not.
 * - `called`: the external handler was called.
 */
export type Verb = 'together' | 'undone' | 'alone' | 'acknowledged' | 'refused' | 'called';

export interface Entry {
  readonly verb: Verb;
  readonly eventId: string;
}

/** What the programs were told, kept where neither their death nor that of the database can touch it. */
export function journalIn(folder: string): (verb: Verb, ...eventIds: readonly string[]) => void {
  const file = join(folder, String(process.pid));
  return (verb, ...eventIds) => appendFileSync(file, eventIds.map((id) => `${verb} ${id}\n`).join(''));
}

export function readJournals(folder: string): Entry[] {
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [verb, eventId] = line.split(' ');
        return { verb: verb as Verb, eventId: eventId ?? '' };
      }),
  );
}
