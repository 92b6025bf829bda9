import { bus } from '../app/bus.js';
import { FeedEntry } from '../app/entities/feed-entry.js';
import { createTracker } from '../app/tracker.js';
import type { Webhook } from '../app/webhook.js';
import type { Place } from '../databases.js';
import { createTables, withOrm } from '../orm.js';
import type { PairedEffects } from './cut-over-check.js';

/** What the old bus alone does with the same webhooks, whatever it has done in that place before. */
export function runReference(place: Place, webhooks: readonly Webhook[]): Promise<PairedEffects> {
  return withOrm(place, async (orm) => {
    await createTables(orm);
    const [last] = await orm.em.fork().find(FeedEntry, {}, { orderBy: { id: 'desc' }, limit: 1 });
    const wanted: unknown[] = [];
    const listener = { review_wanted: (data: unknown) => void wanted.push(data) };
    bus.subscribe(listener);
    const tracker = createTracker(orm);
    for (const webhook of webhooks) await tracker.receive(webhook);
    tracker.close();
    bus.unsubscribe(listener);
    const lines = await orm.em.fork().find(FeedEntry, { id: { $gt: last?.id ?? 0 } });
    return {
      'mails to authors': tracker.listeners.notifier.mailbox,
      'activity feed lines': lines.map(({ repository, text, at }) => ({ repository, text, at })),
      'reviews asked for': wanted,
    };
  });
}
