import { InvalidArgument } from '../../errors/argument-errors.js';
import { checkKnownOptions } from '../../errors/known-options.js';
import { checkQueueName, longestTimer, wholeNumber } from '../queued-options.js';
import { shutdownSignals, type ShutdownSignal } from './signals.js';

export interface WorkOptions {
  /** How many deliveries run at once; default 10. */
  readonly concurrency?: number | undefined;
  /** Milliseconds after which the worker looks for work at the latest, should nothing have woken it; default 1 000. */
  readonly pollEvery?: number | undefined;
  /**
   * Milliseconds after which others take over what a killed worker has left; default 30 000. Leases of a living one
   * are renewed.
   */
  readonly leaseFor?: number | undefined;
  /** Milliseconds that running handlers are given to end when the worker stops; default 25 000. */
  readonly grace?: number | undefined;
  /** Names of the queued handlers to run here. Default: all that are subscribed. */
  readonly handlers?: readonly string[] | undefined;
  /** Run only handlers that name one of these as their `queue`. Default: all. */
  readonly queues?: readonly string[] | undefined;
  /**
   * Signals on which the worker stops as with `stop()`; default `['SIGTERM', 'SIGINT']`. When all workers of the process
   * have stopped, the process ends by the signal; on a second one it ends at once. Where the application listens for the
   * signal too, ending is left to it. An empty list leaves signals to the application altogether.
   */
  readonly signals?: readonly ShutdownSignal[] | undefined;
}

export interface WorkSettings {
  readonly concurrency: number;
  readonly pollEvery: number;
  readonly leaseFor: number;
  readonly grace: number;
  readonly handlers: ReadonlySet<string> | undefined;
  readonly queues: ReadonlySet<string> | undefined;
  readonly signals: readonly ShutdownSignal[];
}

const workOptions = ['concurrency', 'pollEvery', 'leaseFor', 'grace', 'handlers', 'queues', 'signals'];

/** @param known Names of the queued handlers that are subscribed. @throws {InvalidArgument} */
export function workSettings(options: unknown, known: readonly string[]): WorkSettings {
  checkKnownOptions(options, workOptions, '`store.work({ concurrency: 10 })`');
  const {
    concurrency = 10,
    pollEvery = 1_000,
    leaseFor = 30_000,
    grace = 25_000,
    handlers,
    queues,
    signals = shutdownSignals,
  } = options as WorkOptions;
  return {
    concurrency: wholeNumber('concurrency', concurrency, 1, 10_000),
    pollEvery: wholeNumber('pollEvery', pollEvery, 1, longestTimer),
    leaseFor: wholeNumber('leaseFor', leaseFor, 100, longestTimer),
    grace: wholeNumber('grace', grace, 0, longestTimer),
    handlers: handlers === undefined ? undefined : new Set(checkNames(handlers, known)),
    queues: queues === undefined ? undefined : new Set(checkQueues(queues)),
    signals: checkSignals(signals),
  };
}

function checkSignals(signals: unknown): readonly ShutdownSignal[] {
  if (!Array.isArray(signals)) throw new InvalidArgument('signals', 'a list of signals', signals);
  return [...new Set(Array.from<unknown>(signals).map(checkSignal))];
}

function checkSignal(value: unknown): ShutdownSignal {
  const known = shutdownSignals.find((signal) => signal === value);
  if (known !== undefined) return known;
  throw new InvalidArgument('signals', `a list of ${shutdownSignals.join(' and ')}, or empty`, value);
}

function checkQueues(queues: unknown): readonly string[] {
  if (!Array.isArray(queues) || queues.length === 0) {
    throw new InvalidArgument('queues', 'a list of queue names', queues);
  }
  return Array.from<unknown>(queues).map((queue) => checkQueueName('queues', queue));
}

function checkNames(handlers: unknown, known: readonly string[]): readonly string[] {
  if (!Array.isArray(handlers) || handlers.length === 0) {
    throw new InvalidArgument('handlers', 'a list of names of queued handlers', handlers);
  }
  return Array.from<unknown>(handlers).map((name) => {
    if (typeof name === 'string' && known.includes(name)) return name;
    throw new InvalidArgument(
      'handlers',
      'names of queued handlers that are subscribed to this store',
      name,
      known.length === 0 ? 'Subscribe them before `work()`.' : `Known here: ${known.join(', ')}.`,
    );
  });
}
