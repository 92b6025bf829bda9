import type { DeliveryLog, HandedDelivery } from '../../../../src/index.js';
import type { Database } from '../database.js';
import { prepared } from '../prepared.js';
import { isStorable } from '../parameters.js';
import { atMostInt, handlerLimits } from './claim-limits.js';
import { type ClaimedRow, selectClaimed, toClaimed } from './claimed-row.js';
import { keptText } from './kept-error.js';
import { leaseColumns, leaseOf, tokenOf } from './lease-token.js';

type HandingOver = Pick<DeliveryLog, 'handOver' | 'take' | 'handedOver'>;

interface HandedRow {
  readonly handler: string;
  readonly handler_text: string;
  readonly position_text: string;
  readonly fence_text: string;
  readonly event_id: string;
}

/** Leases of schedulers, seen by others at once: never part of an open transaction. */
export function handingOver({ schema, apart }: Database): HandingOver {
  const handOverDue = prepared(/* sql */ `
select handler, handler_id::text as handler_text, position::text as position_text, fence::text as fence_text, event_id
from ${schema}.hand_over_next($1::text[], $2::int[], $3::int, $4::text, $5::float8, $6::int, $7::int)
order by position, handler`);

  const takeQueued = selectClaimed(
    schema,
    'take($1::bigint[], $2::int[], $3::bigint[], $4::text, $5::float8)',
  );

  const selectHandedOver = /* sql */ `
select handlers.name as handler, handlers.id::text as handler_text, deliveries.position::text as position_text,
  deliveries.fence::text as fence_text, events.id as event_id
from ${schema}.handlers
  join ${schema}.deliveries on deliveries.handler = handlers.id
  join ${schema}.events using (seq)
where handlers.name = any ($1::text[])
  and state = 'queued' and leased_until < clock_timestamp() + make_interval(secs => $2::float8 / 1000)
order by leased_until limit $3::int`;

  return {
    async handOver(request) {
      const { names, limits } = handlerLimits(request);
      if (names.length === 0 || request.limit < 1) return [];
      const { limit, worker, leaseFor, mostWaiting, sequencing = 0 } = request;
      const { text, name } = handOverDue;
      const most = [atMostInt(mostWaiting), atMostInt(sequencing)];
      const asked = [names, limits, atMostInt(limit), keptText(worker), leaseFor, ...most];
      const rows = await apart<HandedRow>(text, asked, name);
      return rows.map(toHanded);
    },

    async take(tokens, { worker, leaseFor }) {
      const held = [...new Set(tokens)].flatMap((token) => leaseOf(token) ?? []);
      if (held.length === 0) return [];
      const { text, name } = takeQueued;
      const rows = await apart<ClaimedRow>(text, [...leaseColumns(held), keptText(worker), leaseFor], name);
      return rows.map(toClaimed);
    },

    async handedOver(handlers, { within, limit }) {
      const rows = await apart<HandedRow>(selectHandedOver, [
        handlers.filter(isStorable),
        within,
        atMostInt(limit),
      ]);
      return rows.map(toHanded);
    },
  };
}

function toHanded(row: HandedRow): HandedDelivery {
  return {
    handler: row.handler,
    eventId: row.event_id,
    token: tokenOf({ handler: row.handler_text, position: row.position_text, fence: row.fence_text }),
  };
}
