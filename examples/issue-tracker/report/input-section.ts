import type { RecordedWebhook } from '../webhooks.js';
import { type Output, section } from './output.js';
import { table } from './table.js';

/** How many payloads of each kind there are. */
export function printInput(output: Output, webhooks: readonly RecordedWebhook[]): void {
  const kinds = [...new Set(webhooks.map(({ kind }) => kind))].toSorted();
  const rows = kinds.map((kind) =>
    row(
      kind,
      webhooks.filter((each) => each.kind === kind),
    ),
  );
  section(output, 'Input: recorded GitHub webhooks, from the npm package @octokit/webhooks-examples', [
    ...table(
      [...rows, row('all', webhooks)],
      ['kind', 'actions', 'github.com', 'Enterprise Server', 'payloads'],
    ),
  ]);
}

function row(title: string, those: readonly RecordedWebhook[]) {
  const current = those.filter(({ edition }) => edition === 'api.github.com').length;
  const actions = new Set(those.map(({ kind, payload }) => `${kind} ${payload.action}`)).size;
  return [title, actions, current, those.length - current, those.length];
}
