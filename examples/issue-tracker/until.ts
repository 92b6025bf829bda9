import { setTimeout as pause } from 'node:timers/promises';

const patience = 10_000;

/** Looks until what it sees is as it should be, for 10 s at most. @returns What it saw last. */
export async function until<T>(look: () => Promise<T>, isReached: (seen: T) => boolean): Promise<T> {
  const end = performance.now() + patience;
  let seen = await look();
  while (!isReached(seen) && performance.now() < end) {
    await pause(20);
    seen = await look();
  }
  return seen;
}
