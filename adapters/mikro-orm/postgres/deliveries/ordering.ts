import type { DeliveryLog, KeyAssignment } from '../../../../src/index.js';
import type { Database } from '../database.js';
import { eventColumns, type EventRow, toRecord } from '../event-row.js';
import { isStorable } from '../parameters.js';
import { errorJson } from './kept-error.js';
import { leaseOf, tokenOf } from './lease-token.js';
import { atMostInt } from './claim-limits.js';

type Ordering = Pick<DeliveryLog, 'unkeyed' | 'assignKeys'>;

interface UnkeyedRow extends EventRow {
  readonly handler: string;
  readonly handler_text: string;
}

/** A place is a lease token with this in place of the fence. */
const noFence = '0';

export function ordering({ schema, apart }: Database): Ordering {
  const selectUnkeyed = /* sql */ `
select ${eventColumns(schema)}, handler, handler_text
from (
  select handlers.name as handler, handlers.id::text as handler_text, next.position, events.*
    from ${schema}.handlers
      cross join lateral (
        select position, seq from ${schema}.deliveries
          where handler = handlers.id and state = 'unkeyed'
          order by position limit $2::int
      ) as next
      join ${schema}.events using (seq)
    where handlers.name = any ($1::text[]) and ${schema}.takes_keys(handlers)
) as found
order by handler, position`;

  return {
    async unkeyed(handlers, limit) {
      const rows = await apart<UnkeyedRow>(selectUnkeyed, [handlers.filter(isStorable), atMostInt(limit)]);
      return rows.map((row) => ({
        handler: row.handler,
        event: toRecord(row),
        place: tokenOf({ handler: row.handler_text, position: row.position_text ?? '', fence: noFence }),
      }));
    },

    async assignKeys(assignments) {
      for (const [handler, own] of byHandler(assignments)) {
        await apart(`select ${schema}.assign_keys($1::int, $2::bigint[], $3::text[], $4::text[])`, [
          handler,
          own.map(({ position }) => position),
          own.map(({ key }) => (typeof key === 'string' ? key : null)),
          own.map(({ key }) => (typeof key === 'string' ? null : errorJson(key))),
        ]);
      }
    },
  };
}

function byHandler(assignments: readonly KeyAssignment[]) {
  const placed = assignments.flatMap(({ place, key }) => {
    const lease = leaseOf(place);
    return lease === undefined ? [] : [{ handler: lease.handler, position: lease.position, key }];
  });
  return Map.groupBy(placed, ({ handler }) => handler);
}
