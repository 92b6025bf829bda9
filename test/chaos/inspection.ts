import { EventStore } from 'handover';
import { mikroOrmLog } from 'handover/mikro-orm';
import { Client } from 'pg';
import { Booked, connect, Echoed } from './bookings.js';
import { readJournals } from './journal.js';
import { rules, wishes, type Rule } from './rules.js';
import type { Tally } from './tally.js';

const shown = 3;

const figures: Record<string, string> = {
  events: 'select count(*) from handover.events',
  deliveries: 'select count(*) from handover.deliveries',
  'database effects': 'select count(*) from effect',
  retries: 'select coalesce(sum(greatest(attempt - 1, 0)), 0) from handover.deliveries',
  'dead of poison': `select count(*) from handover.deliveries where state = 'dead'`,
  'rolled back on purpose': `select count(*) from told where verb = 'undone'`,
  'doubles of external calls': `select count(*) - count(distinct event_id) from told where verb = 'called'`,
};

export interface Inspected {
  readonly url: string;
  /** Of the journals. */
  readonly folder: string;
}

/** Looks at what a run has left. @returns The violations, each with what the store says of some offenders. */
export async function inspect({ url, folder }: Inspected, tally: Tally): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await keepTold(client, folder);
    for (const [name, query] of Object.entries(figures)) {
      tally.add(name, Number(Object.values<unknown>((await client.query(query)).rows[0] ?? {})[0]));
    }
    const violations: string[] = [];
    for (const rule of rules) violations.push(...(await broken(client, rule, url)));
    return violations;
  } finally {
    await client.end();
  }
}

async function keepTold(client: Client, folder: string): Promise<void> {
  const entries = readJournals(folder);
  await client.query('create temporary table told (verb text not null, event_id text not null)');
  await client.query('insert into told select * from unnest($1::text[], $2::text[])', [
    entries.map(({ verb }) => verb),
    entries.map(({ eventId }) => eventId),
  ]);
  await client.query('create temporary table wish (handler text, event_type text, effects text)');
  await client.query('insert into wish select * from unnest($1::text[], $2::text[], $3::text[])', [
    wishes.map(([handler]) => handler),
    wishes.map(([, eventType]) => eventType),
    wishes.map(([, , effects]) => effects),
  ]);
  await client.query('analyze told, effect, booking, handover.events, handover.deliveries, handover.log');
}

async function broken(client: Client, { says, offenders }: Rule, url: string): Promise<string[]> {
  const { rows } = await client.query<[string]>({ text: offenders, rowMode: 'array' });
  if (rows.length === 0) return [];
  const ids = [...new Set(rows.map(([id]) => id))].slice(0, shown);
  return [`${says}. Not so for ${rows.length}, such as ${ids.join(', ')}.\n${await whyOf(ids, url)}`];
}

async function whyOf(ids: readonly string[], url: string): Promise<string> {
  const orm = await connect(url, 2);
  const store = new EventStore({ log: mikroOrmLog(orm), events: [Booked, Echoed] });
  const texts = await Promise.all(ids.map(async (id) => (await store.why(id)).text));
  await store.close();
  await orm.close(true);
  return texts.join('\n');
}
