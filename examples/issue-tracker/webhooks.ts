import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Payload, Webhook } from './app/webhook.js';
import type { PurchaseNotification } from './migrated/billing/receive-purchase.js';

/** A webhook, and which edition of GitHub it was recorded from. */
export interface RecordedWebhook extends Webhook {
  readonly edition: string;
}

interface Definition<Example = Payload> {
  readonly name: string;
  readonly examples: readonly Example[];
}

const collection = dirname(createRequire(import.meta.url).resolve('@octokit/webhooks-examples/package.json'));
const concerning = /issue|comment|label|milestone|pull_request/;

/**
 * Every payload of `@octokit/webhooks-examples` that concerns issues, comments, labels, milestones, pull requests or
 * reviews: all kinds with such a name, all their actions, all editions of GitHub, in the order in which it happened.
 */
export function recordedWebhooks(): readonly RecordedWebhook[] {
  const folders = readdirSync(collection, { withFileTypes: true }).filter((each) => each.isDirectory());
  const editions = folders.map(({ name }) => name).toSorted();
  return editions
    .flatMap(recordedIn)
    .toSorted((one, other) => timeOf(one).localeCompare(timeOf(other)) || rankOf(one) - rankOf(other));
}

/** The payload with which GitHub's marketplace tells that somebody bought a plan. */
export function recordedPurchase(): PurchaseNotification['payload'] {
  const purchases = definitionsOf<PurchaseNotification['payload']>('api.github.com')
    .filter(({ name }) => name === 'marketplace_purchase')
    .flatMap(({ examples }) => examples);
  const bought = purchases.find(({ action }) => action === 'purchased');
  if (bought === undefined) throw new Error('No webhook of a purchase is among the payloads.');
  return bought;
}

function recordedIn(edition: string): RecordedWebhook[] {
  return definitionsOf(edition)
    .filter(({ name }) => concerning.test(name))
    .flatMap(({ name, examples }) => examples.map((payload) => ({ edition, kind: name, payload })));
}

function definitionsOf<Example = Payload>(edition: string): readonly Definition<Example>[] {
  return JSON.parse(
    readFileSync(join(collection, edition, 'index.json'), 'utf8'),
  ) as readonly Definition<Example>[];
}

/** Labels bear no time; they are as old as what their repository tells of itself. */
function timeOf({ payload }: RecordedWebhook): string {
  const { comment, review, issue, pull_request: pullRequest, milestone, repository } = payload;
  const time = comment?.updated_at ?? review?.submitted_at ?? issue?.updated_at ?? pullRequest?.updated_at;
  return new Date(time ?? milestone?.updated_at ?? repository.updated_at).toISOString();
}

/** Times are of a second: what begins comes before what follows in it. */
function rankOf({ payload: { action } }: RecordedWebhook): number {
  return action === 'opened' || action === 'created' ? 0 : 1;
}
