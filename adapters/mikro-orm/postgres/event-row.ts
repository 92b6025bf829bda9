import type { EventRecord } from '../../../src/index.js';
import type { QuotedSchema } from './schema-name.js';

/**
 * An event as selected. Drivers parse bigint, timestamptz and jsonb each in their own way, so numbers come as text or
 * double, times as milliseconds since 1970, and JSON as text; no name is that of a column that is sorted by
 * (hazards H1).
 */
export interface EventRow {
  readonly id: string;
  readonly type: string;
  readonly schema_version: number;
  readonly data_json: string;
  readonly metadata_json: string;
  readonly dates_json: string | null;
  readonly home: string | null;
  readonly home_version: number | null;
  readonly recorded_ms: number;
  readonly valid_ms: number;
  readonly position_text: string | null;
}

/** The columns above, from a relation `found` that has those of `events`, and a position or null. */
export function eventColumns(schema: QuotedSchema): string {
  return /* sql */ `id, type, schema_version,
  data::text as data_json, metadata::text as metadata_json, dates::text as dates_json,
  stream as home, version as home_version,
  ${milliseconds('recorded_at')} as recorded_ms, ${milliseconds('coalesce(valid_at, recorded_at)')} as valid_ms,
  coalesce(position, (select log.position from ${schema}.log where log.seq = found.seq))::text as position_text`;
}

export function milliseconds(time: string): string {
  return `round(extract(epoch from ${time}) * 1000)::float8`;
}

export function toRecord(row: EventRow): EventRecord {
  return {
    id: row.id,
    type: row.type,
    schemaVersion: row.schema_version,
    data: JSON.parse(row.data_json),
    metadata: JSON.parse(row.metadata_json) as Record<string, unknown>,
    dates: row.dates_json === null ? undefined : JSON.parse(row.dates_json),
    stream: row.home ?? undefined,
    version: row.home_version ?? undefined,
    timestamp: new Date(row.recorded_ms),
    validAt: new Date(row.valid_ms),
    position: row.position_text === null ? undefined : BigInt(row.position_text),
  };
}
