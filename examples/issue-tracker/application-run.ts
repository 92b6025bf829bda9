import type { MikroORM } from '@mikro-orm/postgresql';
import { type Listeners, createListeners } from './app/listeners/listeners.js';
import { SenderBlocked, createTracker } from './app/tracker.js';
import type { Webhook } from './app/webhook.js';
import { type Effects, collectEffects } from './effects.js';
import { startTally } from './tally.js';

export type RunName = 'before' | 'after';

export interface RunOptions {
  readonly run: RunName;
  readonly orm: MikroORM;
  readonly webhooks: readonly Webhook[];
  /** Called after each webhook. */
  readonly onReceived: () => void;
  /** Called around the webhook that is refused, to look at what is stored. */
  readonly count: () => Promise<number>;
  readonly changeListeners: (run: RunName, listeners: Listeners) => Listeners;
}

/** What one run of the application did. */
export interface ApplicationRun {
  readonly received: number;
  readonly seconds: number;
  readonly broadcasts: number;
  readonly refusal: Refusal;
  readonly effects: Effects;
  readonly listeners: Listeners;
  /** Ends the listening. */
  readonly close: () => void;
}

/** A webhook whose transaction was rolled back after its listeners had run. */
export interface Refusal {
  readonly webhook: string;
  readonly reason: string | undefined;
  readonly broadcasts: number;
  readonly mails: number;
  readonly storedBefore: number;
  readonly storedAfter: number;
}

/** Feeds the application; knows nothing of a store. */
export async function runApplication(options: RunOptions): Promise<ApplicationRun> {
  const { run, orm, webhooks, onReceived, changeListeners } = options;
  const started = performance.now();
  const { tally, stop } = startTally();
  const tracker = createTracker(orm, changeListeners(run, createListeners(orm.em)));
  for (const webhook of webhooks) {
    await tracker.receive(webhook);
    onReceived();
  }
  const refusal = await receiveRefused(options, tracker, tally.names);
  tracker.sendDigests();
  const effects = await collectEffects(orm, tracker.listeners);
  stop();
  return {
    received: webhooks.length,
    seconds: (performance.now() - started) / 1000,
    broadcasts: tally.names.length,
    refusal,
    effects: { 'broadcasts heard': [...tally.names], ...effects },
    listeners: tracker.listeners,
    close: tracker.close,
  };
}

async function receiveRefused(
  { webhooks, count }: RunOptions,
  tracker: ReturnType<typeof createTracker>,
  broadcasts: readonly string[],
): Promise<Refusal> {
  const webhook = webhooks.find(({ kind, payload }) => kind === 'issues' && payload.action === 'opened');
  if (webhook === undefined) throw new Error('No webhook of an opened issue is among the payloads.');
  const { mailbox } = tracker.listeners.notifier;
  const [storedBefore, broadcastsBefore, mailsBefore] = [await count(), broadcasts.length, mailbox.length];
  tracker.block(webhook.payload.sender.login);
  const reason = await tracker.receive(webhook).then(() => undefined, blockedMessage);
  return {
    webhook: `${webhook.kind} ${webhook.payload.action}`,
    reason,
    broadcasts: broadcasts.length - broadcastsBefore,
    mails: mailbox.length - mailsBefore,
    storedBefore,
    storedAfter: await count(),
  };
}

function blockedMessage(error: unknown): string {
  if (error instanceof SenderBlocked) return error.message;
  throw error;
}
