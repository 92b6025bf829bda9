import { DuplicateEvent, WrongExpectedVersion } from '../../../src/index.js';
import type { Append, AppendFailure, AppendOutcome, NewRecord } from '../../../src/index.js';
import type { Execute } from '../execute.js';
import { prepared, type Prepared } from './prepared.js';
import type { QuotedSchema } from './schema-name.js';

/** What the function `append_to` gives back. */
interface Answer {
  readonly first?: number | null;
  readonly at?: number;
  readonly duplicate?: string;
  readonly conflict?: number;
}

export type WriteAppends = (
  execute: Execute,
  appends: readonly Append[],
) => Promise<readonly AppendOutcome[]>;

/**
 * Writes all appends with one statement in one round trip. Database functions do it, because their plans are kept
 * by the session even where the driver sends unnamed statements.
 */
export function appender(schema: QuotedSchema): WriteAppends {
  const one = prepared(
    `select ${schema}.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)::text as answer`,
  );
  const each = prepared(`select ${schema}.append_each($1::json)::text as answers`);
  const any = prepared(`select ${schema}.append($1::json)::text as answers`);
  return async (execute, appends) => {
    const [first, second] = appends;
    if (first === undefined) return [];
    const [record, another] = first.records;
    if (second === undefined && record !== undefined && another === undefined) {
      return [await writeOne(execute, one, first, record)];
    }
    return appends.every(isPlain)
      ? writeMany(execute, each, appends, plainJson)
      : writeMany(execute, any, appends, appendJson);
  };
}

async function writeOne(
  execute: Execute,
  { text, name }: Prepared,
  append: Append,
  record: NewRecord,
): Promise<AppendOutcome> {
  const [row] = await execute<{ answer: string }>(
    text,
    [
      append.stream ?? null,
      append.expected ?? null,
      record.id,
      record.type,
      record.schemaVersion,
      record.data,
      record.metadata,
      record.dates ?? null,
      record.timestamp?.getTime() ?? null,
      record.validAt?.getTime() ?? null,
    ],
    name,
  );
  return outcomeOf(append, JSON.parse(row?.answer ?? '{}') as Answer);
}

async function writeMany(
  execute: Execute,
  { text, name }: Prepared,
  appends: readonly Append[],
  toJson: (append: Append) => string,
): Promise<readonly AppendOutcome[]> {
  const json = `[${appends.map(toJson).join(',')}]`;
  const [row] = await execute<{ answers: string }>(text, [json], name);
  const answers = JSON.parse(row?.answers ?? '[]') as readonly Answer[];
  return appends.map((each, index) => outcomeOf(each, answers[index] ?? {}));
}

/** One record, wherever its stream is: what most writers in a hurry bring. */
function isPlain({ expected, records }: Append): boolean {
  return expected === undefined && records.length === 1;
}

/** Data and metadata are JSON already and go in as they are. */
export function recordJson(record: NewRecord): string {
  return `{${recordFields(record)}}`;
}

function recordFields(record: NewRecord): string {
  const id = JSON.stringify(record.id);
  const type = JSON.stringify(record.type);
  const dates = record.dates === undefined ? '' : `,"dates":${record.dates}`;
  const timestamp = record.timestamp === undefined ? '' : `,"timestamp":${record.timestamp.getTime()}`;
  const validAt = record.validAt === undefined ? '' : `,"valid_at":${record.validAt.getTime()}`;
  return (
    `"id":${id},"type":${type},"schema_version":${record.schemaVersion},` +
    `"data":${record.data},"metadata":${record.metadata}${dates}${timestamp}${validAt}`
  );
}

function plainJson({ stream, records }: Append): string {
  return `{${targetOf(stream)}${records.map(recordFields).join(',')}}`;
}

function targetOf(stream: string | undefined): string {
  return stream === undefined ? '' : `"stream":${JSON.stringify(stream)},`;
}

function appendJson({ stream, expected, records }: Append): string {
  const target = targetOf(stream);
  const required = expected === undefined ? '' : `"expected":${expected},`;
  return `{${target}${required}"records":[${records.map(recordJson).join(',')}]}`;
}

function outcomeOf(append: Append, answer: Answer): AppendOutcome {
  if (answer.at === undefined) return { failure: failureOf(append, answer) };
  return { stored: { firstVersion: answer.first ?? undefined, timestamp: new Date(answer.at) } };
}

function failureOf({ stream, expected }: Append, { duplicate, conflict }: Answer): AppendFailure {
  if (duplicate !== undefined) return new DuplicateEvent(duplicate);
  if (conflict !== undefined && stream !== undefined) return wrongVersion(stream, expected, conflict);
  throw new Error('The function append of the log answered with fewer outcomes than it was given appends.');
}

export function wrongVersion(
  stream: string,
  expected: number | undefined,
  actual: number,
): WrongExpectedVersion {
  return new WrongExpectedVersion(
    stream,
    expected === undefined || expected === -1 ? 'none' : expected,
    actual,
  );
}
