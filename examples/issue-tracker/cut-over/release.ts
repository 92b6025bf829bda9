import type { MikroORM } from '@mikro-orm/postgresql';
import { effectPort, EventStore, type Scheduler, type Worker } from 'handover';
import { type Condition, type Pair, PromotionRefused } from 'handover/legacy';
import { bus } from '../app/bus.js';
import { createListeners } from '../app/listeners/listeners.js';
import type { Mail } from '../app/listeners/mailbox.js';
import { createTracker, type Tracker } from '../app/tracker.js';
import type { Webhook } from '../app/webhook.js';
import type { Place } from '../databases.js';
import { connectTracker } from '../migrated/connect.js';
import { declarePairs } from '../migrated/pairs/declare-pairs.js';
import type { Handlers, Surroundings } from '../migrated/pairs/handlers.js';
import { openLog, withOrm } from '../orm.js';
import { type PairFacts, factsOf } from './pair-facts.js';

export interface ReleaseOptions {
  readonly place: Place;
  readonly scheduler?: Scheduler | undefined;
  readonly handlersOf: (surroundings: Surroundings) => Handlers;
  /** Received one batch after the other; after each, the pairs ask for their promotion. */
  readonly batches: readonly (readonly Webhook[])[];
  readonly onReceived: () => void;
}

/** What came of one release of the application, from its start to its end. */
export interface ReleaseFacts {
  /** Of each batch, pair by pair. */
  readonly batches: readonly (readonly PairFacts[])[];
  readonly mails: { readonly listeners: readonly Mail[]; readonly handlers: readonly Mail[] };
  /** Errors that reached `bus.onError` and `store.onError`. */
  readonly errors: readonly string[];
}

interface Running {
  readonly store: EventStore;
  readonly worker: Worker;
  readonly tracker: Tracker;
  readonly pairs: readonly Pair[];
}

/** The process of the application: it starts, receives webhooks, and ends. */
export function runRelease(options: ReleaseOptions): Promise<ReleaseFacts> {
  return withOrm(options.place, (orm) => runOn(orm, options));
}

async function runOn(orm: MikroORM, options: ReleaseOptions): Promise<ReleaseFacts> {
  const { place, scheduler, handlersOf } = options;
  await using store = new EventStore({ log: openLog(orm, place), scheduler });
  const errors: string[] = [];
  const note = (error: unknown) => void errors.push(error instanceof Error ? error.message : String(error));
  bus.onError(note);
  store.onError(note);

  // Two boxes, so that it can be seen who has sent a mail; to the pairs they are one and the same port.
  const mails: { readonly listeners: Mail[]; readonly handlers: Mail[] } = { listeners: [], handlers: [] };
  const listeners = createListeners(orm.em, effectPort('mailbox', mails.listeners));
  const tracker = createTracker(orm, listeners);
  const mailbox = effectPort('mailbox', mails.handlers);
  const pairs = declarePairs(listeners, handlersOf({ store, em: orm.em, mailbox }));
  const disconnect = connectTracker(store);
  const worker = await store.work({ concurrency: 5, grace: 1_000 });
  await Promise.all(pairs.map((pair) => pair.ready()));

  const batches = await receiveBatches({ store, worker, tracker, pairs }, options);
  await worker.stop();
  tracker.close();
  disconnect();
  return { batches, mails, errors };
}

async function receiveBatches(
  running: Running,
  { batches, onReceived }: ReleaseOptions,
): Promise<readonly (readonly PairFacts[])[]> {
  const { store, worker, tracker, pairs } = running;
  const facts: (readonly PairFacts[])[] = [];
  for (const batch of batches) {
    for (const pair of pairs) if (pair.stage !== 'handler') pair.sabotage();
    for (const webhook of batch) {
      await tracker.receive(webhook);
      onReceived();
    }
    await bus.settled();
    await worker.idle();
    await Promise.all(pairs.map((pair) => pair.settled()));
    const seen: PairFacts[] = [];
    for (const pair of pairs) seen.push(await factsOf(pair, store, promoted));
    facts.push(seen);
  }
  return facts;
}

/** One stage forward, if the gate is open. @returns What keeps it closed. */
async function promoted(pair: Pair): Promise<readonly Condition[]> {
  if (pair.stage === 'handler') return [];
  try {
    await pair.promote({ who: 'the example', percent: nextPercent(pair) });
    return [];
  } catch (error) {
    if (error instanceof PromotionRefused) return error.failed;
    throw error;
  }
}

/** A quarter of the streams first, then all; no share after that, for the handler performs alone. */
function nextPercent({ stage, percent }: Pair): number | undefined {
  if (stage === 'shadow') return 25;
  return percent < 100 ? 100 : undefined;
}
