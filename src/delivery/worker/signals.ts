import { constants } from 'node:os';
import { fromRoot } from './root-context.js';

/** What asks a process to end: of its supervisor, or of whoever sits at the terminal. */
export type ShutdownSignal = 'SIGTERM' | 'SIGINT';

export const shutdownSignals: readonly ShutdownSignal[] = ['SIGTERM', 'SIGINT'];

interface Stoppable {
  stop(): Promise<void>;
}

/** The workers of this process that stop on a signal, by signal. While a set is empty, nobody listens for its signal. */
const workers = new Map<NodeJS.Signals, Set<Stoppable>>(shutdownSignals.map((signal) => [signal, new Set()]));
const stopping = new Set<NodeJS.Signals>();

/**
 * Stops `worker` on the first of `signals`. When all that listen for it have stopped, the process gets the signal anew and
 * ends by it; so it does at once on a second signal. Where the application listens for the signal itself, that is left to
 * it.
 *
 * @returns What ends this, to be called when the worker has stopped.
 */
export function stopOnSignals(worker: Stoppable, signals: readonly ShutdownSignal[]): () => void {
  for (const signal of signals) join(worker, signal);
  return () => {
    for (const signal of signals) leave(worker, signal);
  };
}

function join(worker: Stoppable, signal: NodeJS.Signals): void {
  const joined = workersOn(signal);
  // Before others: one that listens `once` would be gone when it is looked for.
  if (joined.size === 0) fromRoot(() => process.prependListener(signal, hear));
  joined.add(worker);
  if (stopping.has(signal)) void worker.stop();
}

function leave(worker: Stoppable, signal: NodeJS.Signals): void {
  const joined = workersOn(signal);
  joined.delete(worker);
  if (joined.size === 0) process.removeListener(signal, hear);
}

function hear(signal: NodeJS.Signals): void {
  const isLeftToOthers = process.listenerCount(signal) > 1;
  if (stopping.size === 0) void stopAll(signal, isLeftToOthers);
  else if (!isLeftToOthers) endBy(signal);
}

async function stopAll(signal: NodeJS.Signals, isLeftToOthers: boolean): Promise<void> {
  stopping.add(signal);
  const joined = workersOn(signal);
  while (joined.size > 0) await Promise.all(Array.from(joined, (worker) => worker.stop()));
  stopping.delete(signal);
  if (!isLeftToOthers) endBy(signal);
}

function endBy(signal: NodeJS.Signals): void {
  process.removeListener(signal, hear);
  process.kill(process.pid, signal);
  // The first process of a container is spared by the default action of signals.
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
}

function workersOn(signal: NodeJS.Signals): Set<Stoppable> {
  return workers.get(signal) ?? new Set();
}
