import type { MikroORM } from '@mikro-orm/postgresql';
import { EventStore, type Scheduler } from 'handover';
import { type Billing, type BillingFacts, openBilling } from './billing-run.js';
import { bus } from './app/bus.js';
import { type ApplicationRun, type RunName, type RunOptions, runApplication } from './application-run.js';
import { type HandlerFacts, type OtherDirection, type StoreFacts } from './connected-run.js';
import { readHandlers, readStore, tryOtherDirection } from './connected-run.js';
import type { Databases } from './databases.js';
import { type Comparison, compareEffects } from './effects.js';
import { createTables, openLog, withOrm } from './orm.js';
import { findProblems } from './problems.js';
import { type ProgressFacts, checkProgress } from './progress-check.js';
import { connectTracker } from './migrated/connect.js';
import { billingTable } from './migrated/billing/charge-purchase.js';
import { issueCountsTable, keepIssueCounts } from './migrated/issue-counts.js';
import { issueProgressTable, projectIssueProgress } from './migrated/issue-progress.js';
import { openReviewInbox } from './migrated/review-inbox.js';
import { type RecordedWebhook, recordedWebhooks } from './webhooks.js';

export interface ExampleOptions {
  readonly databases: Databases;
  /** Of the queued handlers; default: in this process. */
  readonly scheduler?: Scheduler | undefined;
  /** Called after each webhook of each run. */
  readonly onReceived?: (run: RunName) => void;
  /** Called after each run. */
  readonly onRun?: (run: RunName, done: ApplicationRun) => void;
  /** Puts other listeners in the place of the application's; for tests. */
  readonly changeListeners?: RunOptions['changeListeners'];
}

export interface Outcome extends Facts {
  /** Sentences about what is not as it should be; empty when all is well. */
  readonly problems: readonly string[];
}

export interface Facts {
  readonly webhooks: readonly RecordedWebhook[];
  readonly before: ApplicationRun;
  readonly after: ApplicationRun;
  readonly comparisons: readonly Comparison[];
  readonly store: StoreFacts;
  readonly handlers: HandlerFacts;
  readonly progress: ProgressFacts;
  readonly billing: BillingFacts;
  readonly otherDirection: OtherDirection;
  /** Errors that reached `bus.onError` and `store.onError`. */
  readonly errors: readonly unknown[];
}

const handlerTables = [issueCountsTable, issueProgressTable, billingTable];

type Connected = Omit<Facts, 'webhooks' | 'before' | 'comparisons'>;

/** Runs the application in memory, then connected to the store, and compares. */
export async function runExample(options: ExampleOptions): Promise<Outcome> {
  const webhooks = recordedWebhooks();
  const before = await withOrm(options.databases.before, (orm) => runInMemory(orm, options, webhooks));
  options.onRun?.('before', before);
  const connected = await withOrm(options.databases.after, (orm) => runConnected(orm, options, webhooks));
  options.onRun?.('after', connected.after);
  const comparisons = compareEffects(before.effects, connected.after.effects);
  const facts: Facts = { webhooks, before, comparisons, ...connected };
  return { ...facts, problems: findProblems(facts) };
}

async function runInMemory(
  orm: MikroORM,
  options: ExampleOptions,
  webhooks: readonly RecordedWebhook[],
): Promise<ApplicationRun> {
  await createTables(orm);
  const run = await runApplication(runOptions('before', orm, options, webhooks, () => Promise.resolve(0)));
  run.close();
  return run;
}

async function runConnected(
  orm: MikroORM,
  options: ExampleOptions,
  webhooks: readonly RecordedWebhook[],
): Promise<Connected> {
  const log = openLog(orm, options.databases.after);
  await using store = new EventStore({ log, scheduler: options.scheduler });
  await createTables(orm);
  await store.migrate();
  for (const table of handlerTables) await orm.em.fork().execute(table);

  const billing = openBilling(store, orm.em);
  const errors: unknown[] = [];
  store.onError((error) => void (billing.expects(error) || errors.push(error)));
  const endings = [bus.onError((error) => errors.push(error)), connectTracker(store)];
  try {
    return { ...(await useStore(orm, { store, billing }, options, webhooks)), errors };
  } finally {
    for (const end of endings) end();
  }
}

async function useStore(
  orm: MikroORM,
  { store, billing }: { readonly store: EventStore; readonly billing: Billing },
  options: ExampleOptions,
  webhooks: readonly RecordedWebhook[],
): Promise<Omit<Connected, 'errors'>> {
  keepIssueCounts(store, orm.em);
  projectIssueProgress(store, orm.em);
  const inbox = openReviewInbox(store);
  const worker = await store.work({ concurrency: 5, grace: 1_000 });
  const countEvents = async () => {
    await bus.settled();
    return store.read.count();
  };
  const after = await runApplication(runOptions('after', orm, options, webhooks, countEvents));
  await bus.settled();
  const facts = await readStore(store);
  const handlers = await readHandlers(store, orm.em, inbox);
  const progress = await checkProgress(store, orm.em);
  const billed = await billing.run();
  const otherDirection = await tryOtherDirection(store, after.listeners);
  await worker.stop();
  after.close();
  return { after, store: facts, handlers, progress, billing: billed, otherDirection };
}

function runOptions(
  run: RunName,
  orm: MikroORM,
  { onReceived, changeListeners }: ExampleOptions,
  webhooks: readonly RecordedWebhook[],
  count: () => Promise<number>,
): RunOptions {
  return {
    run,
    orm,
    webhooks,
    count,
    onReceived: () => onReceived?.(run),
    changeListeners: changeListeners ?? ((_, listeners) => listeners),
  };
}
