import type { ClaimedDelivery } from '../../../../src/index.js';
import { prepared, type Prepared } from '../prepared.js';
import { eventColumns, type EventRow, toRecord } from '../event-row.js';
import type { QuotedSchema } from '../schema-name.js';
import { tokenOf } from './lease-token.js';

export interface ClaimedRow extends EventRow {
  readonly handler: string;
  readonly handler_text: string;
  readonly attempt: number;
  readonly fence_text: string;
  readonly is_replay: boolean;
}

/** @param call A function of the schema that leases deliveries to a worker, with its parameters. */
export function selectClaimed(schema: QuotedSchema, call: string): Prepared {
  return prepared(/* sql */ `
select ${eventColumns(schema)}, handler, handler_id::text as handler_text, attempt, fence::text as fence_text, is_replay
from (
  select claimed.handler, claimed.handler_id, claimed.attempt, claimed.fence, claimed.is_replay, claimed.position,
      (claimed.event).*
    from ${schema}.${call} as claimed
) as found
order by position, handler`);
}

export function toClaimed(row: ClaimedRow): ClaimedDelivery {
  return {
    handler: row.handler,
    event: toRecord(row),
    attempt: row.attempt,
    token: tokenOf({ handler: row.handler_text, position: row.position_text ?? '', fence: row.fence_text }),
    replaying: row.is_replay,
  };
}
