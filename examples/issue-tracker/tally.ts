import { bus } from './app/bus.js';

/** Counts every broadcast, whoever else listens: a listener with an answer to any name. */
export class Tally {
  readonly names: string[] = [];

  methodFor(event: string) {
    return () => void this.names.push(event);
  }
}

export function startTally(): { readonly tally: Tally; readonly stop: () => void } {
  const tally = new Tally();
  bus.subscribe(tally);
  return { tally, stop: () => void bus.unsubscribe(tally) };
}
