import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { seededRandom, type Random } from '../../src/testing/contracts/seeded-random.js';
import { prepare } from './bookings.js';
import { Crew } from './crew.js';
import { faultsWith, type Fault, type Scene } from './faults.js';
import { inspect } from './inspection.js';
import { Tally } from './tally.js';

export interface ChaosOptions extends Pick<Scene, 'server' | 'redis' | 'longestOutage'> {
  readonly seed: number;
  readonly publishers: number;
  readonly workers: number;
  /** Ends the run when both are reached: each fault has struck, and `milliseconds` are over. */
  readonly milliseconds: number;
  /** And when so many faults have struck. */
  readonly mostFaults: number;
  readonly say?: (line: string) => void;
}

export interface ChaosReport {
  readonly tally: Tally;
  readonly violations: readonly string[];
}

const leaseFor = 2_000;
const longestStandstill = 30_000;
const longestDrain = 120_000;

/** Lets publishers and workers work while faults strike them; then says what is wrong with what they have left. */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const { server, seed, publishers, workers, say = () => undefined } = options;
  const random = seededRandom(seed);
  const tally = new Tally();
  const folder = await mkdtemp(join(tmpdir(), 'handover-chaos-'));
  const crew = new Crew({ url: server.url, redis: options.redis?.url, folder, leaseFor }, { random, tally });
  const began = performance.now();
  try {
    await prepare(server.url);
    for (let count = 0; count < workers; count += 1) crew.hire('worker');
    // Handlers hear of what is published once they are known.
    await Promise.all(crew.of('worker').map(({ ready }) => ready));
    for (let count = 0; count < publishers; count += 1) crew.hire('publisher');
    await Promise.all(crew.of('publisher').map(({ ready }) => ready));

    for (const fault of script(random, options)) {
      await crew.progress(1 + random.below(150), 500 + random.below(1_500));
      say(`${((performance.now() - began) / 1_000).toFixed(1)} s: ${fault.name}`);
      await fault.strike({ ...options, crew, random });
      tally.add(fault.name);
      if (crew.violations.length > 0) break;
    }

    say('calm again: the publishers stop, and one fresh worker finishes');
    await Promise.all(crew.of('publisher').map((publisher) => crew.dismiss(publisher)));
    await crew.killAll();
    const last = crew.hire('worker');
    const stuck = await drained(server.url, crew);
    await crew.dismiss(last);
    const violations = [...crew.violations, ...stuck, ...(await inspect({ url: server.url, folder }, tally))];
    tally.add('handlers run', crew.ran);
    tally.add('seconds', Math.round((performance.now() - began) / 1_000));
    return { tally, violations };
  } finally {
    await crew.killAll();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each fault once in any order, then any of them until the time is over. */
function* script(random: Random, { redis, milliseconds, mostFaults }: ChaosOptions): Generator<Fault> {
  const deadline = performance.now() + milliseconds;
  const faults = faultsWith(redis);
  const first = [...faults];
  for (let struck = 0; struck < mostFaults; struck += 1) {
    if (first.length === 0 && performance.now() > deadline) return;
    yield first.length > 0 ? (first.splice(random.below(first.length), 1)[0] as Fault) : random.pick(faults);
  }
}

/** Waits for all deliveries to end, as long as handlers go on running, and never for ever. */
async function drained(url: string, crew: Crew): Promise<string[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const deadline = performance.now() + longestDrain;
  try {
    for (;;) {
      const { ran } = crew;
      const before = performance.now();
      let open = await openIn(client);
      while (open > 0 && crew.ran === ran && performance.now() - before < longestStandstill) {
        await crew.progress(1, 500);
        open = await openIn(client);
      }
      if (open === 0) return [];
      if (performance.now() > deadline)
        return [`${open} deliveries are unfinished after ${longestDrain} ms.`];
      if (crew.ran === ran)
        return [`${open} deliveries are stuck: no handler has run for ${longestStandstill} ms.`];
    }
  } finally {
    await client.end();
  }
}

async function openIn(client: Client): Promise<number> {
  const { rows } = await client.query<{ open: number }>(`select
    (select count(*) from handover.outbox)::int
    + (select count(*) from handover.deliveries where state not in ('done', 'dead', 'skipped'))::int as open`);
  return rows[0]?.open ?? 0;
}
