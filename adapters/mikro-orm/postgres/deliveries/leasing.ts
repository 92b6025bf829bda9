import type { DeliveryLog, FailureReport } from '../../../../src/index.js';
import type { Execute } from '../../execute.js';
import type { Database } from '../database.js';
import { prepared, type Prepared } from '../prepared.js';
import { atMostInt, handlerLimits } from './claim-limits.js';
import { type ClaimedRow, selectClaimed, toClaimed } from './claimed-row.js';
import { errorJson, keptText } from './kept-error.js';
import { type Lease, leaseColumns, leaseOf, tokenOf } from './lease-token.js';

type Leasing = Pick<DeliveryLog, 'claim' | 'complete' | 'fail' | 'renew' | 'release'>;

/**
 * Only `complete` joins the open transaction: a lease that others could not see would be none, and a failure outlives
 * the transaction that failed.
 */
export function leasing(database: Database): Leasing {
  const { schema, query, apart } = database;

  const claimDue = selectClaimed(
    schema,
    'claim_next($1::text[], $2::int[], $3::int, $4::text, $5::float8, $6::int)',
  );

  const leases = '$1::bigint[], $2::int[], $3::bigint[]';
  const givingFences = (call: string) =>
    prepared(`select to_json(${schema}.${call}::text[])::text as fences`);
  const completeHeld = givingFences(`complete(${leases})`);
  const failHeld = givingFences(`fail(${leases}, $4::float8[], $5::int[], $6::text[])`);
  const renewHeld = givingFences(`renew(${leases}, $4::float8)`);

  return {
    async claim(request) {
      const { names, limits } = handlerLimits(request);
      if (names.length === 0 || request.limit < 1) return [];
      const { limit, worker, leaseFor, sequencing = 0 } = request;
      const asked = [names, limits, atMostInt(limit), keptText(worker), leaseFor, atMostInt(sequencing)];
      const rows = await apart<ClaimedRow>(claimDue.text, asked, claimDue.name);
      return rows.map(toClaimed);
    },

    complete: (tokens) => lostOf(tokens, (held) => fencesFrom(query, completeHeld, leaseColumns(held))),

    async fail(failures) {
      const byToken = new Map(failures.map((failure) => [failure.token, failure]));
      return lostOf([...byToken.keys()], (held) => {
        const reports = held.map((lease) => byToken.get(tokenOf(lease)) as FailureReport);
        return fencesFrom(apart, failHeld, [
          ...leaseColumns(held),
          reports.map(({ next }) => (next.kind === 'dead' ? null : next.inMs)),
          reports.map(({ next }) => (next.kind === 'retry-uncounted' ? 1 : 0)),
          reports.map(({ error }) => errorJson(error)),
        ]);
      });
    },

    renew: (tokens, leaseFor) =>
      lostOf(tokens, (held) => fencesFrom(apart, renewHeld, [...leaseColumns(held), leaseFor])),

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
  { text, name }: Prepared,
  values: readonly unknown[],
): Promise<ReadonlySet<string>> {
  const [row] = await execute<{ fences: string | null }>(text, values, name);
  return new Set(JSON.parse(row?.fences ?? '[]') as string[]);
}
