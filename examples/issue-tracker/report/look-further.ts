import type { Place } from '../databases.js';
import { type Output, section } from './output.js';

export function printHowToLook(output: Output): void {
  section(output, 'To look further', [
    'npm start -- --keep   leaves the databases up until Ctrl-C, and shows how to query them',
  ]);
}

/** Where the events are, and two first questions. */
export function printKept(
  output: Output,
  { url, eventSchema = 'handover', schema }: Place,
  stream: string,
): void {
  const table = schema === undefined ? 'issue_progress' : `${schema}.issue_progress`;
  section(output, 'Kept until Ctrl-C', [
    `psql "${url}"`,
    '',
    `select type, count(*) from ${eventSchema}.events group by type order by 2 desc;`,
    `select version, type, data from ${eventSchema}.events where stream = '${stream}' order by version;`,
    `select * from ${table};`,
  ]);
}
