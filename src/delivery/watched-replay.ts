import { setTimeout as pause } from 'node:timers/promises';
import { checkKnownOptions } from '../errors/known-options.js';
import { InvalidArgument } from '../errors/argument-errors.js';
import type { Replay } from './delivery-log.js';
import { longestTimer, wholeNumber } from './queued-options.js';

/** How far a replay is: it is finished when `done + dead === total`. Dead letters wait for somebody, not the replay. */
export type ReplayProgress = Pick<Replay, 'total' | 'done' | 'dead'>;

export interface WatchOptions {
  /** Milliseconds between two looks at the log; default 1 000. */
  readonly every?: number | undefined;
  /** Ends the waiting, and not the replay: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A replay as it stood when it was asked for, and ways to follow it. Any process may: the log keeps it. */
export interface WatchedReplay extends Replay {
  /**
   * `for await (const { total, done, dead } of replay.progress({ every: 500 }))`: how it stands now, then at each look
   * until it is finished. The last one is that of the end.
   *
   * @throws {InvalidArgument} {LogUnavailable}
   */
  progress(options?: WatchOptions): AsyncIterable<ReplayProgress>;
  /** Resolves when every event of it is handled, passed over or a dead letter. It takes a worker, here or elsewhere. */
  finished(options?: WatchOptions): Promise<ReplayProgress>;
}

/** @param look The same replay as it stands at this moment; `undefined`: the log has it no more. */
export function watched(replay: Replay, look: () => Promise<Replay | undefined>): WatchedReplay {
  return {
    ...replay,
    progress: (options) => follow(look, checkOptions(options)),
    async finished(options) {
      let last: ReplayProgress = replay;
      for await (const each of follow(look, checkOptions(options))) last = each;
      const { total, done, dead } = last;
      return { total, done, dead };
    },
  };
}

async function* follow(
  look: () => Promise<Replay | undefined>,
  { every, signal }: { readonly every: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<ReplayProgress> {
  for (;;) {
    signal?.throwIfAborted();
    const replay = await look();
    if (replay === undefined) return;
    const { total, done, dead } = replay;
    yield { total, done, dead };
    if (done + dead >= total) return;
    await pause(every, undefined, signal && { signal }).catch(() => undefined);
  }
}

function checkOptions(options: WatchOptions = {}) {
  checkKnownOptions(options, ['every', 'signal'], '`{ every: 500 }`');
  const { every = 1_000, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new InvalidArgument('signal', 'an AbortSignal', signal);
  }
  return { every: wholeNumber('every', every, 1, longestTimer), signal };
}
