import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeliveryJob, Scheduler } from 'handover';
import { bullmqScheduler } from 'handover/bullmq';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { PullRequest } from '../../examples/issue-tracker/app/entities/pull-request.js';
import { AuthorNotifier } from '../../examples/issue-tracker/app/listeners/author-notifier.js';
import { Counters } from '../../examples/issue-tracker/app/listeners/counters.js';
import { databasesOn } from '../../examples/issue-tracker/databases.js';
import { findProblems } from '../../examples/issue-tracker/problems.js';
import { printOutcome } from '../../examples/issue-tracker/report/print-outcome.js';
import { type ExampleOptions, type Outcome, runExample } from '../../examples/issue-tracker/run-example.js';
import { embeddedPostgres } from '../support/postgres.js';
import { describeWithRedis, type OwnRedis, startOwnRedis } from '../support/redis.js';
import { runInProcess } from '../support/processes.js';

const main = new URL('../../examples/issue-tracker/main.ts', import.meta.url);
const story = 240_000;

const editions = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35'];

interface Payload {
  readonly action: string;
  readonly issue: { readonly id: number };
}

interface Definition {
  readonly name: string;
  readonly examples: readonly Payload[];
}

/** Read from the package by other code than the example's. */
function payloadsOf(
  ...kinds: readonly string[]
): readonly { readonly kind: string; readonly payload: Payload }[] {
  const require = createRequire(import.meta.url);
  return editions
    .flatMap(
      (edition) => require(`@octokit/webhooks-examples/${edition}/index.json`) as readonly Definition[],
    )
    .filter(({ name }) => kinds.includes(name))
    .flatMap(({ name, examples }) => examples.map((payload) => ({ kind: name, payload })));
}

async function runOn(url: string, options: Omit<ExampleOptions, 'databases'> = {}): Promise<Outcome> {
  const databases = await databasesOn(url);
  try {
    return await runExample({ databases, ...options });
  } finally {
    await databases.remove();
  }
}

function reportOf(outcome: Outcome): string {
  let text = '';
  printOutcome({ write: (more) => (text += more) }, outcome);
  return text;
}

async function mainWith(args: readonly string[], env: Record<string, string>) {
  const example = runInProcess(main, { args, env: { REDIS_URL: '', ...env }, patience: story });
  const lines: string[] = [];
  const end = example.exited();
  for (;;) {
    const line = await example.nextLine().catch(() => undefined);
    if (line === undefined) break;
    lines.push(line);
  }
  return { output: lines.join('\n'), ...(await end) };
}

async function query(url: string, ...statements: readonly string[]): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    let rows: readonly unknown[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

async function askRedis(url: string): Promise<readonly [keys: readonly string[], statistics: string]> {
  const client = new Redis(url, { retryStrategy: null });
  try {
    return [await client.keys('*'), await client.info('commandstats')];
  } finally {
    client.disconnect();
  }
}

async function silentServer() {
  const server = createServer((socket) => socket.resume().on('error', () => socket.destroy()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, close: () => server.close() };
}

/** A scheduler that tells which jobs it was given. */
function watched(scheduler: Scheduler, tell: (job: DeliveryJob) => void): Scheduler {
  return {
    name: scheduler.name,
    async start(host) {
      const session = await scheduler.start(host);
      const add: typeof session.add = (jobs) => {
        jobs.forEach(tell);
        return session.add(jobs);
      };
      return new Proxy(session, {
        get: (target, name) => {
          if (name === 'add') return add;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
}

function texts(values: readonly unknown[]): readonly string[] {
  return values.map((each) => JSON.stringify(each)).toSorted();
}

const leftovers = `
  select datname as name from pg_database where datname like 'handover_example_%'
  union all select nspname from pg_namespace where nspname like 'handover_example_%'`;

describe('the issue tracker example', () => {
  let outcome: Outcome;

  beforeAll(async () => {
    outcome = await runOn(await embeddedPostgres.url());
  }, story);

  it('finds nothing wrong', () => {
    expect(outcome.problems).toEqual([]);
    expect(outcome.errors).toEqual([]);
  });

  it('receives every payload that the package has of these kinds, in both runs', () => {
    const kinds = [
      'commit_comment',
      'discussion_comment',
      'issue_comment',
      'issues',
      'label',
      'milestone',
      'pull_request',
      'pull_request_review',
      'pull_request_review_comment',
      'pull_request_review_thread',
    ];
    const payloads = payloadsOf(...kinds).map(({ payload }) => payload);
    expect(texts(outcome.webhooks.map(({ payload }) => payload))).toEqual(texts(payloads));
    expect(new Set(outcome.webhooks.map(({ kind }) => kind))).toEqual(new Set(kinds));
    expect([outcome.before.received, outcome.after.received]).toEqual([payloads.length, payloads.length]);
  });

  it('lets the old listeners have the same effects on the store as in memory', () => {
    expect(outcome.after.effects).toEqual(outcome.before.effects);
    expect(outcome.comparisons.every(({ equal, before }) => equal && before > 0)).toBe(true);
  });

  it('records every broadcast that was committed, and nothing else', () => {
    const { after, store } = outcome;
    expect(store.events).toBe(after.broadcasts - after.refusal.broadcasts);
    const inStreams = store.perStream.reduce((sum, { count }) => sum + count, 0);
    expect(inStreams + store.streamless).toBe(store.events);
  });

  it('leaves no event of the transaction that rolled back, whose listeners had run', () => {
    const { refusal } = outcome.after;
    expect(refusal.reason).toBe('Codertocat is blocked');
    expect(refusal.broadcasts).toBeGreaterThan(0);
    expect(refusal.mails).toBeGreaterThan(0);
    expect(refusal.storedAfter).toBe(refusal.storedBefore);
  });

  it('reads the activity of the busiest issue from its stream, without a gap', () => {
    const { feed, title } = outcome.store.busiest;
    expect(title).toBe('Spelling error in the README file');
    expect(feed.map(({ version }) => version)).toEqual(feed.map((_, index) => index));
    expect(feed[0]?.type).toBe('IssueOpened');
    expect(feed[0]?.data['at']).toBeInstanceOf(Date);
    expect(new Set(feed.map(({ type }) => type))).toContain('IssueLabeled');
  });

  it('tells typed handlers beside the old listeners, and old listeners what new code publishes', () => {
    const { handlers, otherDirection } = outcome;
    expect(handlers.counted).toBe(handlers.countable);
    expect(handlers.counted).toBeGreaterThan(0);
    expect(handlers.inboxHeard).toBe(handlers.inboxRecorded);
    expect(handlers.inboxHeard).toBeGreaterThan(0);
    expect(otherDirection).toEqual({ mails: 1, mail: 'to octocat: Your digest: 1 contributions' });
  });

  it('builds a row for each issue in the background, with the figures that the payloads have', () => {
    const { progress } = outcome;
    const told = payloadsOf('issues', 'issue_comment');
    expect(progress.rows.length).toBeGreaterThan(0);
    expect(
      progress.rows.map(({ issue, opened, closed, reopened, comments, changes }) => {
        return { issue, opened, closed, reopened, comments, changes };
      }),
    ).toEqual(
      [...new Set(told.map(({ payload }) => String(payload.issue.id)))].toSorted().map((issue) => {
        const those = told.filter(({ payload }) => String(payload.issue.id) === issue);
        const times = (kind: string, action: string) =>
          those.filter((each) => each.kind === kind && each.payload.action === action).length;
        return {
          issue,
          opened: times('issues', 'opened'),
          closed: times('issues', 'closed'),
          reopened: times('issues', 'reopened'),
          comments: times('issue_comment', 'created'),
          changes: those.length,
        };
      }),
    );
    expect(progress.handled).toBe(told.length);
    expect(progress.rows.find(({ issue }) => issue === '444500041')).toMatchObject({
      title: 'Spelling error in the README file',
      state: 'open',
      latest: '2021-10-11 IssueReopened',
    });
    expect(progress.rows.find(({ state }) => state === 'transferred')?.latest).toMatch(/IssueTransferred$/);
  });

  it('bills a notification once that arrives fifteen times', () => {
    const { billing } = outcome;
    expect(billing).toMatchObject({ received: 15, recorded: 1, events: 1, paymentCalls: 2, charges: 1 });
    expect(billing.rows).toEqual([{ account: 'username', plan: 'Basic Plan', cents: 1000 }]);
    expect(reportOf(outcome)).toMatch(/received +15 .*\n +recorded as an event +1 /);
  });

  it('explains a dead letter, and retries it once its cause is gone', () => {
    const { deadLetter } = outcome.billing;
    expect(deadLetter).toMatchObject({ found: 1, retried: 1, receipts: 1 });
    expect(deadLetter.why).toMatch(
      /billing\.receipt +dead since .* attempt 2, because Error: The mail server/,
    );
    expect(deadLetter.why).toMatch(/billing\.charge +done .* attempt 2/);
    expect(deadLetter.whyThen).toMatch(/billing\.receipt +done /);
    expect(reportOf(outcome)).toContain('billing.receipt         dead since');
  });

  it('finds a row that is billed twice, a read model that is behind, and a dead letter too many', () => {
    const { progress, billing } = outcome;
    const wrong = {
      ...outcome,
      progress: { ...progress, handled: 69 },
      billing: {
        ...billing,
        rows: [...billing.rows, ...billing.rows],
        deadLetter: { ...billing.deadLetter, found: 2 },
      },
    };
    expect(findProblems(wrong)).toEqual([
      'issue_progress has handled 69 of 70 events.',
      'One notification arrived 15 times and led to 2 billing rows, not 1.',
      'One notification arrived 15 times and led to 2 dead letters, not 1.',
    ]);
    const unlike = { ...outcome, progress: { ...progress, unlikeLog: ['10'], unlikeCounts: ['11'] } };
    expect(findProblems(unlike)).toEqual([
      'issue_progress is not what the event log says of issue 10.',
      'issue_progress is not what issue_counts says of issue 11.',
    ]);
  });

  it('reports in plain lines of at most 100 characters', () => {
    const lines = reportOf(outcome).split('\n');
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    expect(lines.filter((line) => /[\u0000-\u001f\u007f]/.test(line))).toEqual([]);
    expect(lines).toContain('Result: all is as it should be');
  });
});

/** Forgets one kind of mail, and changes the wording of another. */
class CarelessNotifier extends AuthorNotifier {
  override issue_assigned() {}

  override pull_request_opened({ author }: PullRequest) {
    this.mailbox.push({ to: author.login, subject: 'Hello' });
  }
}

/** Counts half of what is opened, and never complains. */
class CarelessCounters extends Counters {
  override issue_opened() {}
}

describe('the comparison of the issue tracker example', () => {
  it(
    'reports every effect of a listener that behaves differently on the store',
    async () => {
      const outcome = await runOn(await embeddedPostgres.url(), {
        changeListeners(run, listeners) {
          if (run === 'before') return listeners;
          return { ...listeners, notifier: new CarelessNotifier([]), counters: new CarelessCounters() };
        },
      });
      expect(outcome.problems).toEqual([
        "The listeners' effects differ between the runs: mails to authors.",
        "The listeners' effects differ between the runs: repository counters.",
        "The listeners' effects differ between the runs: rows of the application.",
      ]);
      const report = reportOf(outcome);
      expect(report.match(/DIFFERENT/g)).toHaveLength(3);
      expect(report).toMatch(/mails to authors, first difference\n +before .*subject.*\n +after .*subject/);
      expect(report).toContain('Result: not as it should be (3)');
    },
    story,
  );
});

describeWithRedis()('the issue tracker example with REDIS_URL', () => {
  let redis: OwnRedis;

  beforeAll(async () => {
    redis = await startOwnRedis();
  });

  it(
    'hands every queued delivery to BullMQ, and has the same results',
    async () => {
      const jobs: DeliveryJob[] = [];
      const scheduler = watched(bullmqScheduler({ connection: redis.url }), (job) => jobs.push(job));
      const { problems, progress, billing } = await runOn(await embeddedPostgres.url(), { scheduler });
      expect(problems).toEqual([]);
      expect(progress.handled).toBe(payloadsOf('issues', 'issue_comment').length);
      expect(billing).toMatchObject({ received: 15, recorded: 1, charges: 1, rows: [{ cents: 1000 }] });
      const projected = payloadsOf(
        'issues',
        'issue_comment',
        'commit_comment',
        'discussion_comment',
        'pull_request_review_comment',
      );
      const eventsFor = (name: string) =>
        new Set(jobs.filter(({ handler }) => handler === name).map(({ eventId }) => eventId)).size;
      expect(
        ['tracker.issue-progress', 'billing.charge', 'billing.receipt'].map((name) => eventsFor(name)),
      ).toEqual([projected.length, 1, 1]);
    },
    story,
  );

  it(
    'says so, and leaves nothing behind in Redis',
    async () => {
      await using own = await startOwnRedis();
      const { code, stderr, output } = await mainWith([], {
        DATABASE_URL: await embeddedPostgres.url(),
        REDIS_URL: own.url,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(output).toContain(`queued handlers through BullMQ, on the Redis at 127.0.0.1:${own.port}`);
      expect(output).toContain('Result: all is as it should be');
      const [keys, statistics] = await askRedis(own.url);
      expect(keys).toEqual([]);
      expect(statistics).toMatch(/cmdstat_evalsha:calls=[1-9]/);
    },
    story,
  );
});

describe('npm start', () => {
  const role = 'example_guest';
  const database = 'example_guest_home';

  beforeAll(async () => {
    const url = await embeddedPostgres.url();
    await query(url, `create role ${role} login`, `create database ${database} owner ${role}`);
  });

  afterAll(async () => {
    const url = await embeddedPostgres.url();
    await query(url, `drop database ${database} with (force)`, `drop role ${role}`);
  });

  it(
    'ends with 0 and removes the databases it made',
    async () => {
      const url = await embeddedPostgres.url();
      const { code, stderr, output } = await mainWith([], { DATABASE_URL: url });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(output).toContain('throw-away databases handover_example_');
      expect(output).toContain('Result: all is as it should be');
      expect(output).toContain('npm start -- --keep');
      expect(await query(url, leftovers)).toEqual([]);
    },
    story,
  );

  it(
    'keeps to schemas of its own where it may not create a database',
    async () => {
      const guest = new URL(await embeddedPostgres.url());
      guest.username = role;
      guest.pathname = `/${database}`;
      const { code, stderr, output } = await mainWith([], { DATABASE_URL: guest.href });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(output).toContain('throw-away schemas handover_example_');
      expect(await query(guest.href, leftovers)).toEqual([]);
    },
    story,
  );

  it(
    'keeps the databases with --keep until it is interrupted, and shows where they are',
    async () => {
      const url = await embeddedPostgres.url();
      const example = runInProcess(main, {
        args: ['--keep'],
        env: { DATABASE_URL: url, REDIS_URL: '' },
        patience: story,
      });
      const lines: string[] = [];
      while (!lines.at(-1)?.startsWith('  select * from issue_progress'))
        lines.push(await example.nextLine());
      const kept = lines.slice(lines.indexOf('Kept until Ctrl-C'));
      const [, address = ''] = /psql "(.*)"/.exec(kept.join('\n')) ?? [];
      for (const statement of kept.filter((line) => line.startsWith('  select'))) {
        expect(await query(address, statement)).not.toEqual([]);
      }
      example.kill('SIGINT');
      expect(await example.exited()).toMatchObject({ code: 0, stderr: '' });
      expect(await query(url, leftovers)).toEqual([]);
    },
    story,
  );

  it('ends with 1 and one clear message where no server answers', async () => {
    const { code, stderr } = await mainWith([], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/DATABASE_URL leads to no PostgreSQL: .*ECONNREFUSED.*\n {2}→ Correct it/);
  });

  it.each(['nonsense', 'mysql://root@127.0.0.1:3306/test'])(
    'ends with 1 where DATABASE_URL is no address of a PostgreSQL: %s',
    async (url) => {
      const { code, stderr } = await mainWith([], { DATABASE_URL: url });
      expect(code).toBe(1);
      expect(stderr).toMatch(/DATABASE_URL is no address of a PostgreSQL.*\n {2}→ Write postgres:\/\//);
    },
  );

  it(
    'ends with 1 where a server accepts the connection and never answers',
    async () => {
      const { port, close } = await silentServer();
      const { code, stderr } = await mainWith([], {
        DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`,
      });
      close();
      expect(code).toBe(1);
      expect(stderr).toMatch(/DATABASE_URL leads to no PostgreSQL: .*timeout/);
    },
    story,
  );

  it.each(['nonsense', 'localhost:6379', 'http://localhost:6379'])(
    'ends with 1 where REDIS_URL is no address of a Redis: %s',
    async (url) => {
      const { code, stderr } = await mainWith([], { REDIS_URL: url });
      expect(code).toBe(1);
      expect(stderr).toMatch(/REDIS_URL is no address of a Redis.*\n {2}→ Write redis:\/\//);
    },
  );

  it('ends with 1 and one clear message where no Redis answers, before it makes any database', async () => {
    const { code, stderr, output } = await mainWith([], { REDIS_URL: 'redis://127.0.0.1:1' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/REDIS_URL leads to no Redis: .*ECONNREFUSED.*\n {2}→ Correct it, or unset it/);
    expect(output).not.toContain('Runs');
  });

  it(
    'ends with 1 where what REDIS_URL leads to accepts the connection and never answers',
    async () => {
      const { port, close } = await silentServer();
      const { code, stderr } = await mainWith([], { REDIS_URL: `redis://127.0.0.1:${port}` });
      close();
      expect(code).toBe(1);
      expect(stderr).toMatch(/REDIS_URL leads to no Redis: .*timed out/);
    },
    story,
  );

  it('ends with 2 on a flag that it does not know', async () => {
    const { code, stderr, output } = await mainWith(['--kepe'], {});
    expect({ code, output }).toEqual({ code: 2, output: '' });
    expect(stderr).toContain("Unknown option '--kepe'");
    expect(stderr).toContain('npm start -- --help');
  });

  it('explains itself with --help', async () => {
    const { code, output } = await mainWith(['--help'], {});
    expect(code).toBe(0);
    expect(output).toContain('DATABASE_URL');
    expect(output).toContain('REDIS_URL');
  });
});
