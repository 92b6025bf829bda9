import { HandoverError } from './handover-error.js';

/**
 * - `unknown-handler`: no process ever registered one of this name.
 * - `not-subscribed`: it is not subscribed in this process, which cannot tell whether it is a projection.
 * - `reaction`: what it did, such as a mail, would be done again.
 */
export type ReplayRefusal = 'unknown-handler' | 'not-subscribed' | 'reaction';

/** A replay was not started. */
export class ReplayRefused extends HandoverError {
  readonly code = 'replay_refused';
  readonly handlerName: string;
  readonly refusal: ReplayRefusal;

  constructor(handlerName: string, refusal: ReplayRefusal) {
    const { problem, remedy } = refusals[refusal];
    super(`${handlerName} ${problem}`, remedy);
    this.handlerName = handlerName;
    this.refusal = refusal;
  }
}

const refusals: Readonly<Record<ReplayRefusal, { readonly problem: string; readonly remedy: string }>> = {
  'unknown-handler': {
    problem: 'is the name of no queued handler that was ever subscribed.',
    remedy: 'Pass the `name` it was subscribed with, and let a process subscribe it first.',
  },
  'not-subscribed': {
    problem: 'is not subscribed in this process: nobody here knows whether it is a projection.',
    remedy: 'Subscribe it to this store first; or pass `force: true` and a `reason`, which is kept.',
  },
  reaction: {
    problem: 'is a reaction: handling its events again would repeat what it did, such as a mail.',
    remedy:
      "Subscribe it with `kind: 'projection'` if it only writes rows; or pass `force: true` and a `reason`, which is kept.",
  },
};

/** A projection published while it was replayed: the event would be told once more (hazards H14). */
export class PublishedInReplay extends HandoverError {
  readonly code = 'published_in_replay';
  readonly handlerName: string;
  readonly eventType: string;

  constructor(handlerName: string, eventType: string) {
    super(
      `The projection ${handlerName} published ${eventType} while its history is replayed; nothing was recorded.`,
      'Publish from a handler of its own, a reaction; or only `if (!context.replaying)`.',
    );
    this.handlerName = handlerName;
    this.eventType = eventType;
  }
}
