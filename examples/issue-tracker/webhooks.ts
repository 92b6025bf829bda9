import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Payload, Webhook } from './app/webhook.js';

/** A webhook, and which edition of GitHub it was recorded from. */
export interface RecordedWebhook extends Webhook {
  readonly edition: string;
}

interface Definition {
  readonly name: string;
  readonly examples: readonly Payload[];
}

const concerning = /issue|comment|label|milestone|pull_request/;

/**
 * Every payload of `@octokit/webhooks-examples` that concerns issues, comments, labels, milestones, pull requests or
 * reviews: all kinds with such a name, all their actions, all editions of GitHub, in the order in which it happened.
 */
export function recordedWebhooks(): readonly RecordedWebhook[] {
  const manifest = createRequire(import.meta.url).resolve('@octokit/webhooks-examples/package.json');
  const folders = readdirSync(dirname(manifest), { withFileTypes: true }).filter((each) =>
    each.isDirectory(),
  );
  const editions = folders.map(({ name }) => name).toSorted();
  return editions
    .flatMap((edition) => readEdition(edition, join(dirname(manifest), edition, 'index.json')))
    .toSorted((one, other) => timeOf(one).localeCompare(timeOf(other)) || rankOf(one) - rankOf(other));
}

function readEdition(edition: string, file: string): RecordedWebhook[] {
  const definitions = JSON.parse(readFileSync(file, 'utf8')) as readonly Definition[];
  return definitions
    .filter(({ name }) => concerning.test(name))
    .flatMap(({ name, examples }) => examples.map((payload) => ({ edition, kind: name, payload })));
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
