import type { ClaimRequest, DeliveryLog, FailureReport } from '../../../../src/index.js';
import type { Execute } from '../../execute.js';
import type { Database } from '../database.js';
import { eventColumns, type EventRow, toRecord } from '../event-row.js';
import { isStorable } from '../parameters.js';
import { errorJson, keptText } from './kept-error.js';
import { type Lease, leaseColumns, leaseOf, tokenOf } from './lease-token.js';

type Leasing = Pick<DeliveryLog, 'claim' | 'complete' | 'fail' | 'renew' | 'release'>;

interface ClaimedRow extends EventRow {
  readonly handler: string;
  readonly handler_text: string;
  readonly attempt: number;
  readonly fence_text: string;
}

/**
 * Only `complete` joins the open transaction: a lease that others could not see would be none, and a failure outlives
 * the transaction that failed.
 */
export function leasing(database: Database): Leasing {
  const { schema, query, apart } = database;

  const claimDue = /* sql */ `
select ${eventColumns(schema)}, handler, handler_id::text as handler_text, attempt, fence::text as fence_text
from (
  select claimed.handler, claimed.handler_id, claimed.attempt, claimed.fence, claimed.position, (claimed.event).*
    from ${schema}.claim($1::text[], $2::int[], $3::int, $4::text, $5::float8) as claimed
) as found
order by position, handler`;

  const leases = '$1::bigint[], $2::int[], $3::bigint[]';

  return {
    async claim(request) {
      const { names, limits } = wanted(request);
      if (names.length === 0 || request.limit < 1) return [];
      const { limit, worker, leaseFor } = request;
      const rows = await apart<ClaimedRow>(claimDue, [
        names,
        limits,
        atMostInt(limit),
        keptText(worker),
        leaseFor,
      ]);
      return rows.map((row) => ({
        handler: row.handler,
        event: toRecord(row),
        attempt: row.attempt,
        token: tokenOf({
          handler: row.handler_text,
          position: row.position_text ?? '',
          fence: row.fence_text,
        }),
      }));
    },

    complete: (tokens) =>
      lostOf(tokens, (held) =>
        fencesFrom(
          query,
          `select to_json(${schema}.complete(${leases})::text[])::text as fences`,
          leaseColumns(held),
        ),
      ),

    async fail(failures) {
      const byToken = new Map(failures.map((failure) => [failure.token, failure]));
      return lostOf([...byToken.keys()], (held) => {
        const reports = held.map((lease) => byToken.get(tokenOf(lease)) as FailureReport);
        return fencesFrom(
          apart,
          `select to_json(${schema}.fail(${leases}, $4::float8[], $5::int[], $6::text[])::text[])::text as fences`,
          [
            ...leaseColumns(held),
            reports.map(({ next }) => (next.kind === 'dead' ? null : next.inMs)),
            reports.map(({ next }) => (next.kind === 'retry-uncounted' ? 1 : 0)),
            reports.map(({ error }) => errorJson(error)),
          ],
        );
      });
    },

    renew: (tokens, leaseFor) =>
      lostOf(tokens, (held) =>
        fencesFrom(apart, `select to_json(${schema}.renew(${leases}, $4::float8)::text[])::text as fences`, [
          ...leaseColumns(held),
          leaseFor,
        ]),
      ),

    async release(tokens) {
      const held = tokens.flatMap((token) => leaseOf(token) ?? []);
      if (held.length > 0) await apart(`select ${schema}.release(${leases})`, leaseColumns(held));
    },
  };
}

/** The tokens whose leases `change` did not find. */
async function lostOf(
  tokens: readonly string[],
  change: (leases: readonly Lease[]) => Promise<ReadonlySet<string>>,
): Promise<readonly string[]> {
  const leases = new Map(tokens.map((token) => [token, leaseOf(token)]));
  const known = [...leases.values()].filter((lease) => lease !== undefined);
  const held = known.length === 0 ? new Set<string>() : await change(known);
  return tokens.filter((token) => !held.has(leases.get(token)?.fence ?? ''));
}

async function fencesFrom(
  execute: Execute,
  statement: string,
  values: readonly unknown[],
): Promise<ReadonlySet<string>> {
  const [row] = await execute<{ fences: string | null }>(statement, values);
  return new Set(JSON.parse(row?.fences ?? '[]') as string[]);
}

function wanted({ handlers }: ClaimRequest): { readonly names: string[]; readonly limits: number[] } {
  const limits = new Map(handlers.map(({ name, limit }) => [name, limit]));
  const some = [...limits].filter(([name, limit]) => limit >= 1 && isStorable(name));
  return { names: some.map(([name]) => name), limits: some.map(([, limit]) => atMostInt(limit)) };
}

function atMostInt(limit: number): number {
  return Math.min(Math.trunc(limit), 2_147_483_647);
}
