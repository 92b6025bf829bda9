import { EventStore, UnknownCommitOutcome, DuplicateEvent } from 'handover';
import { mikroOrmLog } from 'handover/mikro-orm';
import { seededRandom } from '../../src/testing/contracts/seeded-random.js';
import { nextOrder, tellParent } from '../support/processes-parent.js';
import { Booked, Booking, connect } from './bookings.js';
import { subscribeAll } from './handlers.js';
import { journalIn } from './journal.js';
import { pace } from './pace.js';
import { settingsFrom } from './program-settings.js';

const { url, folder, seed, knowsHandlers } = settingsFrom(process.argv);
const random = seededRandom(seed);
const journal = journalIn(folder);
const orm = await connect(url);
const store = new EventStore({ log: mikroOrmLog(orm) });
store.onError((error) => tellParent(`error ${error instanceof Error ? error.name : String(error)}`));
if (knowsHandlers) subscribeAll({ store, orm, random, call: () => undefined, ran: () => undefined });

const most = 600;
const accounts = 12;
const flows = 3;

class ChangedMind extends Error {}

/** How a publication ended, as its caller was told. */
type Answer = 'recorded' | 'unknown' | 'refused';

async function answerTo(work: () => Promise<unknown>): Promise<Answer> {
  try {
    await work();
    return 'recorded';
  } catch (error) {
    if (error instanceof DuplicateEvent) return 'recorded';
    if (error instanceof ChangedMind) return 'refused';
    tellParent(`error ${error instanceof Error ? error.name : String(error)}`);
    return mentions(error, UnknownCommitOutcome) ? 'unknown' : 'refused';
  }
}

function mentions(error: unknown, kind: typeof UnknownCommitOutcome): boolean {
  if (!(error instanceof Error)) return false;
  return error instanceof kind || mentions(error.cause, kind);
}

function booking() {
  const account = `Account-${random.below(accounts)}`;
  const event = new Booked({ account, echoes: random.below(10) === 0, poison: random.below(50) === 0 });
  return { event, account };
}

type Made = ReturnType<typeof booking>;

/** Row first: its transaction is old by the time the event comes. */
async function record({ event, account }: Made, em: typeof orm.em): Promise<void> {
  em.create(Booking, { id: event.id, account });
  await em.flush();
  if (random.below(4) === 0) await em.execute('select pg_sleep(?)', [random.below(20) / 1_000]);
  await store.publish(event, { stream: account });
}

async function publishTogether(): Promise<void> {
  const made = Array.from({ length: 1 + random.below(3) }, booking);
  const ids = made.map(({ event }) => event.id);
  journal('together', ...ids);
  const answer = await answerTo(() =>
    orm.em.fork().transactional(async (em) => {
      for (const each of made) await record(each, em);
    }),
  );
  if (answer === 'recorded') journal('acknowledged', ...ids);
  if (answer === 'refused') journal('refused', ...ids);
}

async function rollBack(): Promise<void> {
  const made = booking();
  journal('undone', made.event.id);
  await answerTo(() =>
    orm.em.fork().transactional(async (em) => {
      await record(made, em);
      throw new ChangedMind();
    }),
  );
}

async function rollBackToSavepoint(): Promise<void> {
  const [kept, dropped] = [booking(), booking()];
  journal('together', kept.event.id);
  journal('undone', dropped.event.id);
  const answer = await answerTo(() =>
    orm.em.fork().transactional(async (em) => {
      await record(kept, em);
      await em
        .transactional(async (inner) => {
          await record(dropped, inner);
          throw new ChangedMind();
        })
        .catch((error: unknown) => {
          if (!(error instanceof ChangedMind)) throw error;
        });
    }),
  );
  if (answer === 'recorded') journal('acknowledged', kept.event.id);
  if (answer === 'refused') journal('refused', kept.event.id);
}

/** Asks again with the same event until it knows. */
async function publishAlone(): Promise<void> {
  const { event, account } = booking();
  journal('alone', event.id);
  for (;;) {
    const answer = await answerTo(() => store.publish(event, { stream: account }));
    if (answer === 'recorded') return journal('acknowledged', event.id);
    if (answer === 'refused') return journal('refused', event.id);
    await pace(100);
  }
}

async function backlog(): Promise<number> {
  const [row] = await orm.em.fork().execute<{ open: number }[]>(
    `select (select count(*) from handover.outbox)::int + (select count(*)::int from (
       select from handover.deliveries where state not in ('done', 'dead', 'skipped') limit ${most}
     ) as unfinished) as open`,
  );
  return row?.open ?? 0;
}

const over = new AbortController();

async function flow(): Promise<void> {
  while (!over.signal.aborted) {
    try {
      while (!over.signal.aborted && (await backlog()) >= most) await pace(100);
      const dice = random.below(100);
      if (dice < 60) await publishTogether();
      else if (dice < 70) await rollBack();
      else if (dice < 80) await rollBackToSavepoint();
      else await publishAlone();
      tellParent('published');
    } catch {
      // The question for the backlog found no database.
      await pace(50);
    }
  }
}

tellParent('ready');
const working = Promise.all(Array.from({ length: flows }, flow));
await nextOrder();
over.abort();
await working;
await store.close();
await orm.close(true);
tellParent('stopped');
process.exit(0);
