import { describe, expect, it } from '@jest/globals';
import type { DeliveryLog } from 'handover';
import { mikroOrmLog } from 'handover/mikro-orm';
import { Client } from 'pg';
import { deliveriesOf, register } from '../../../src/testing/contracts/delivery-actions.js';
import { ordered } from '../../../src/testing/contracts/ordering-actions.js';
import { Arena, type Rows } from './ordering-race.js';

describe('among 50 000 deliveries blocked behind one dead letter', () => {
  it.each([
    ['a claim', `select * from handover.claim('{a}', '{10}', 10, 'w', 60000)`],
    [
      'a key, told',
      `select handover.assign_keys(id, array[(select min(position) from handover.deliveries where state = 'unkeyed')],
        '{hot}', '{null}') from handover.handlers`,
    ],
    [
      'a completion',
      `select handover.complete(array[position], array[handler], array[fence]) from (
        select * from handover.deliveries where state = 'running' order by leased_until, position limit 1) as one`,
    ],
    ['a skip', `select handover.skip('a', 'event 1', 'not needed')`],
  ])('%s finds its rows by indexes', async (_, statement) => {
    await using arena = await Arena.open('read committed', 1);
    await register(mikroOrmLog(arena.orm), ordered());
    await fillBlocked(arena.rows);
    const client = new Client({ connectionString: arena.url });
    await client.connect();
    const plans: string[] = [];
    client.on('notice', ({ message }) => plans.push(message ?? ''));
    await client.query(`load 'auto_explain'; set auto_explain.log_min_duration = 0;
      set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on; set client_min_messages = log`);
    // From the sixth on, the session's plans are generic.
    for (let nth = 0; nth < 8; nth += 1) await client.query(statement);
    await client.end();
    // What the test itself looks up is the outermost plan.
    const text = plans.filter((plan) => !plan.includes(statement)).join('\n');
    expect(text).toContain('deliveries');
    expect(text).not.toMatch(/Seq Scan on (deliveries|events|log)/);
    const visited = Array.from(text.matchAll(/ rows=(\d+)(?:\.\d+)? loops=/g), ([, count]) => Number(count));
    const filtered = Array.from(text.matchAll(/Rows Removed by \w+: (\d+)/g), ([, count]) => Number(count));
    expect(Math.max(...visited, ...filtered)).toBeLessThanOrEqual(100);
  });

  it.each<[string, (deliveries: DeliveryLog) => Promise<unknown>]>([
    ['what has no key', (deliveries) => deliveries.unkeyed(['a'], 10)],
    ['when the next falls due', (deliveries) => deliveries.nextDueIn(['a'])],
    ['what the last of the key waits for', (deliveries) => deliveries.fatesOf('event 50000')],
    ['dead letters', (deliveries) => deliveries.deadLetters({ limit: 10 })],
    ['the dead letter to retry', (deliveries) => deliveries.retry({ eventId: 'event 1' })],
  ])('a look for %s reads only what it needs', async (_, look) => {
    // One session, which keeps its plans.
    await using arena = await Arena.open('read committed', 1, 1);
    const log = mikroOrmLog(arena.orm);
    await register(log, ordered());
    for (let nth = 0; nth < 8; nth += 1) await look(deliveriesOf(log));
    await fillBlocked(arena.rows);
    const before = await rowsRead(arena.rows);
    await look(deliveriesOf(log));
    expect((await rowsRead(arena.rows)) - before).toBeLessThanOrEqual(200);
  });
});

/** Rows that this server has read so far of the tables that grow, whichever way. */
async function rowsRead(rows: Rows): Promise<number> {
  await rows('select pg_stat_force_next_flush()');
  await rows('select pg_stat_clear_snapshot()');
  const [row] = await rows<{ read: string }>(`select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as read
    from pg_stat_user_tables where schemaname = 'handover' and relname in ('events', 'deliveries', 'log')`);
  return Number(row?.read);
}

/** One dead, the others of its key behind it; 160 of 80 other keys, the second of each behind the first; 40 without. */
async function fillBlocked(rows: Rows): Promise<void> {
  await rows(`insert into handover.events (seq, id, type, schema_version, data, metadata, recorded_at)
    select n, 'event ' || n, 'Thing', 1, '{}', '{}', now() from generate_series(1, 50200) as n`);
  await rows(`insert into handover.log (position, seq, type) select seq, seq, type from handover.events`);
  await rows(`insert into handover.deliveries (position, seq, handler, state, order_key, is_waited_for, due_at,
      leased_until, finished_at, fence)
    select n, n, id, state, case when n <= 50000 then 'hot' when n <= 50160 then 'k' || n / 2 end, true,
        case when state in ('due', 'blocked', 'unkeyed') then now() end,
        case when state = 'running' then now() + interval '1 hour' end, case when state = 'dead' then now() end, n
      from handover.handlers, generate_series(1, 50200) as n cross join lateral (select case
        when n = 1 then 'dead' when n <= 50000 then 'blocked'
        when n > 50160 then 'unkeyed' when n % 2 = 1 then 'blocked' when n % 4 = 0 then 'running' else 'due' end as state
      ) as given`);
}
