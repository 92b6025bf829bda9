import type { Webhook } from '../app/webhook.js';
import { recordedWebhooks } from '../webhooks.js';

/** How often the payloads come in one batch: they are few, and a verdict on three events proves little. */
export const rounds = 4;

/** What leads to an event of some pair, as kind and action. */
const paired: ReadonlySet<string> = new Set([
  'issues opened',
  'issues labeled',
  'issues assigned',
  'pull_request ready_for_review',
]);

export function pairedWebhooks(): readonly Webhook[] {
  return recordedWebhooks().filter(({ kind, payload }) => paired.has(`${kind} ${payload.action}`));
}

export function batchesOf(count: number): readonly (readonly Webhook[])[] {
  const webhooks = pairedWebhooks();
  const batch = Array.from({ length: rounds }, () => webhooks).flat();
  return Array.from({ length: count }, () => batch);
}
