import type { Databases } from '../databases.js';
import { type Output, section } from './output.js';
import { table } from './table.js';

export function printHowToLook(output: Output): void {
  section(
    output,
    'To look further',
    table([
      ['npm start -- --keep', 'leaves the databases up until Ctrl-C, and shows how to query them'],
      ['REDIS_URL=redis://… npm start', 'runs the queued handlers through BullMQ on your Redis'],
    ]),
  );
}

/** Where the events are, and some first questions. */
export function printKept(
  output: Output,
  { after: { url, eventSchema = 'handover', schema }, pairs }: Pick<Databases, 'after' | 'pairs'>,
  stream: string,
): void {
  const own = schema === undefined ? '' : `${schema}.`;
  section(output, 'Kept until Ctrl-C', [
    `psql "${url}"`,
    '',
    `select type, count(*) from ${eventSchema}.events group by type order by 2 desc;`,
    `select version, type, data from ${eventSchema}.events where stream = '${stream}' order by version;`,
    `select name, state, count(*) from ${eventSchema}.deliveries d join ${eventSchema}.handlers h on h.id = d.handler group by 1, 2;`,
    `select * from ${own}billing_rows;`,
    `select * from ${own}issue_progress;`,
    ...(pairs.schema === undefined ? howToSeePairs(pairs.url) : []),
  ]);
}

function howToSeePairs(url: string): readonly string[] {
  const command = `DATABASE_URL="${url}" npx handover --config dist/examples/issue-tracker/handover.config.js`;
  return ['', `${command} stages`, `${command} parity`];
}
