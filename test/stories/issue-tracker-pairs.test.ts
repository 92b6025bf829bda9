import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { findCutOverProblems } from '../../examples/issue-tracker/cut-over/cut-over-problems.js';
import {
  type CutOverOptions,
  type CutOverOutcome,
  runCutOver,
} from '../../examples/issue-tracker/cut-over/run-cut-over.js';
import { databasesOn } from '../../examples/issue-tracker/databases.js';
import { printCutOver } from '../../examples/issue-tracker/report/cut-over-sections.js';
import { embeddedPostgres } from '../support/postgres.js';
import { runInProcess } from '../support/processes.js';
import { describeWithRedis, startOwnRedis } from '../support/redis.js';
import { Redis } from 'ioredis';

const story = 240_000;
const hooks = new URL('../support/typescript-hooks.mjs', import.meta.url).href;
const example = (file: string) => new URL(`../../examples/issue-tracker/${file}`, import.meta.url);

async function runOn(options: Omit<CutOverOptions, 'databases'> = {}): Promise<CutOverOutcome> {
  const databases = await databasesOn(await embeddedPostgres.url());
  try {
    return await runCutOver({ databases, execArgv: ['--import', hooks], ...options });
  } finally {
    await databases.remove();
  }
}

/** Read from the package by other code than the example's: how many payloads of each pair there are. */
function payloadCounts(): Readonly<Record<string, number>> {
  const require = createRequire(import.meta.url);
  const all = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35']
    .flatMap(
      (edition) => require(`@octokit/webhooks-examples/${edition}/index.json`) as readonly Definition[],
    )
    .flatMap(({ name, examples }) => examples.map(({ action }) => `${name} ${action}`));
  const count = (wanted: string) => all.filter((each) => each === wanted).length;
  return {
    'mails.issue-opened': count('issues opened'),
    'mails.issue-assigned': count('issues assigned'),
    'feed.issue-opened': count('issues opened'),
    'feed.issue-labeled': count('issues labeled'),
    'reviews.wanted': count('pull_request ready_for_review'),
  };
}

interface Definition {
  readonly name: string;
  readonly examples: readonly { readonly action: string }[];
}

const counts = payloadCounts();
const names = Object.keys(counts);
const faulty = 'feed.issue-opened';
const others = names.filter((name) => name !== faulty);
const [rounds, batches] = [4, 5];

describe('the pairs of the issue tracker example', () => {
  let outcome: CutOverOutcome;
  const shadow = (pair: string) => {
    const facts = outcome.first.batches[0]?.find((each) => each.pair === pair);
    if (facts === undefined) throw new Error(`There is no pair ${pair}.`);
    return facts;
  };
  const way = (pair: string) =>
    outcome.mended.batches.map((batch) => batch.find((each) => each.pair === pair)?.stage);

  beforeAll(async () => {
    outcome = await runOn();
  }, story);

  it('find nothing wrong in the end', () => {
    expect(outcome.problems).toEqual([]);
    expect([...outcome.first.errors, ...outcome.mended.errors]).toEqual([]);
  });

  it('match on every payload, but for the issue that came from another repository', () => {
    for (const pair of others) {
      // One event has a planted fault, and does not count.
      expect(shadow(pair).verdicts).toEqual({ match: (counts[pair] ?? 0) * rounds - 1 });
    }
    const { match = 0, mismatch = 0, ...more } = shadow(faulty).verdicts;
    expect(more).toEqual({});
    expect(match + mismatch).toBe((counts[faulty] ?? 0) * rounds - 1);
    expect([rounds - 1, rounds]).toContain(mismatch);
  });

  it('show what differs, and the event that it came from', () => {
    const [finding, ...more] = shadow(faulty).findings;
    expect(more).toEqual([]);
    expect(finding?.event).toMatchObject({
      type: 'IssueOpened',
      stream: 'Issue-444500041',
      data: { edited: ['old_issue', 'old_repository'] },
    });
    const title = 'on "Spelling error in the README file"';
    expect(finding?.differences).toEqual([
      {
        path: 'insert feed_entries › values › text',
        listener: `Codertocat: issue opened (v1.0, old_issue, old_repository) ${title}`,
        handler: `Codertocat: issue opened (v1.0) ${title}`,
      },
    ]);
  });

  it('refuse the promotion of the one that differs, and of no other', () => {
    expect(shadow(faulty).next).toBe('shadow');
    expect(shadow(faulty).refusedBy).toEqual([
      { name: 'runs', holds: false, found: expect.stringMatching(/^\d matches in a row of 10$/) },
      {
        name: 'shapes',
        holds: false,
        found: expect.stringMatching(/^\d payload shapes of 2 with 3 matches or more$/),
      },
    ]);
    expect(others.map((pair) => [shadow(pair).next, shadow(pair).refusedBy])).toEqual(
      others.map(() => ['live 25 %', []]),
    );
  });

  it('go on to the handler one stage after the other, with a planted fault caught in each', () => {
    expect(way(faulty)).toEqual(['shadow', 'live 25 %', 'live 100 %', 'handler']);
    for (const pair of others) {
      expect(way(pair)).toEqual(['live 25 %', 'live 100 %', 'handler', 'handler']);
    }
    const compared = outcome.mended.batches.flat().filter(({ stage }) => stage !== 'handler');
    expect(
      compared.flatMap(({ conditions }) => conditions.filter(({ name }) => name === 'saboteur')),
    ).toEqual(compared.map(() => expect.objectContaining({ holds: true })));
  });

  it('let one side perform each event, and both sides some', () => {
    expect(outcome.performed.map(({ pair, listener, handler }) => [pair, listener + handler])).toEqual(
      names.map((pair) => [pair, (counts[pair] ?? 0) * rounds * batches]),
    );
    expect(outcome.performed.filter(({ listener, handler }) => listener === 0 || handler === 0)).toEqual([]);
    const senders = [outcome.first, outcome.mended].map(({ mails }) => mails.handlers.length);
    const decided = outcome.performed.filter(({ pair }) => pair.startsWith('mails.'));
    expect(senders.reduce((sum, sent) => sum + sent, 0)).toBe(
      decided.reduce((sum, { handler }) => sum + handler, 0),
    );
  });

  it('have the effects of the old bus, none doubled and none missed', () => {
    const times = rounds * batches;
    const wanted = (counts['reviews.wanted'] ?? 0) * times;
    // Each webhook has a mail and a line in the feed, whether in a pair or not. Who is asked for a review gets the mail.
    const all = outcome.webhooks * times;
    expect(outcome.effects).toMatchObject([
      { effect: 'mails to authors', old: all, withPairs: all, doubled: 0, missed: 0 },
      { effect: 'activity feed lines', old: all, withPairs: all, doubled: 0, missed: 0 },
      { effect: 'reviews asked for', old: wanted, withPairs: wanted, doubled: 0, missed: 0 },
    ]);
  });

  it('are told of in plain lines of at most 100 characters', () => {
    let text = '';
    printCutOver({ write: (more) => (text += more) }, outcome);
    const lines = text.split('\n');
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    expect(text).toMatch(/feed\.issue-opened +shadow +\d+ +[34] +0 +8\d\.\d % +caught +refused\n/);
    expect(text).toMatch(/✗ runs +\d matches in a row of 10\n/);
    expect(text).toMatch(/activity feed lines +360 +360 +0 +0\n/);
  });

  it('are a problem where the facts are not as told', () => {
    const [batch = []] = outcome.first.batches;
    const altered = (change: object) =>
      findCutOverProblems({
        ...outcome,
        first: {
          ...outcome.first,
          batches: [batch.map((each) => (each.pair === faulty ? { ...each, ...change } : each))],
        },
      });
    expect(altered({ next: 'live 25 %' })).toEqual([
      expect.stringMatching(
        /^The pair feed\.issue-opened went from shadow to live 25 % though runs, \d matches in a row of 10; shapes/,
      ),
    ]);
    expect(altered({ verdicts: { match: 23 } })).toEqual(['No verdict on the first release is a mismatch.']);
    expect(altered({ verdicts: { match: 18, mismatch: 4, missing: 1 } })).toEqual([
      'The pair feed.issue-opened has 1 verdicts in shadow that are missing.',
    ]);
    const uncaught = { name: 'saboteur', holds: false, found: '0 planted faults caught of 1' };
    expect(altered({ conditions: [uncaught] })).toEqual([
      'A fault planted into the pair feed.issue-opened in shadow was not caught: 0 planted faults caught of 1.',
    ]);
    const open = batch.find(({ pair }) => pair !== faulty)?.conditions;
    expect(altered({ conditions: open })).toEqual([
      expect.stringContaining('feed.issue-opened did not get past shadow though its gate is open: runs'),
    ]);
    expect(
      findCutOverProblems({
        ...outcome,
        first: { ...outcome.first, errors: ['a row is gone'] },
        performed: [{ pair: faulty, listener: 120, handler: 0 }],
      }),
    ).toEqual([
      'A release reported an error: a row is gone',
      'Of the pair feed.issue-opened only the listener performed.',
    ]);
  });
});

describe('a second release of the issue tracker example', () => {
  it(
    'that leaves the bug in place is never promoted, which is a problem now',
    async () => {
      const first = example('cut-over/first-release.ts');
      const outcome = await runOn({ releases: [first, first] });
      expect(outcome.problems).toEqual([
        expect.stringMatching(/^The pair feed\.issue-opened ended at shadow, not at handler: runs, \d match/),
        'Of the pair feed.issue-opened only the listener performed.',
      ]);
      expect(outcome.effects.map(({ doubled, missed }) => [doubled, missed])).toEqual([
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
    },
    story,
  );

  it(
    'that doubles mails and forgets feed lines once nobody compares makes the example end with 1',
    async () => {
      const replace = new URL('./careless-release-hooks.mjs', import.meta.url).href;
      const process = runInProcess(example('main.ts'), {
        env: {
          DATABASE_URL: await embeddedPostgres.url(),
          REDIS_URL: '',
          NODE_OPTIONS: `--import ${replace}`,
        },
        patience: story,
      });
      const lines: string[] = [];
      while (!lines.at(-1)?.startsWith('To look further')) lines.push(await process.nextLine());
      expect((await process.exited()).code).toBe(1);
      const from = lines.indexOf('Result: not as it should be (2)');
      expect(lines.slice(from + 1, from + 3)).toEqual([
        '  Of the mails to authors 48 were doubled and 0 missed.',
        '  Of the activity feed lines 0 were doubled and 32 missed.',
      ]);
    },
    story,
  );
});

describeWithRedis()('the pairs of the issue tracker example with REDIS_URL', () => {
  it(
    'are handled through BullMQ, with the same results',
    async () => {
      await using redis = await startOwnRedis();
      const outcome = await runOn({ queue: { url: redis.url, prefix: 'cut-over' } });
      expect(outcome.problems).toEqual([]);
      const client = new Redis(redis.url, { retryStrategy: null });
      expect(await client.keys('cut-over:*')).not.toEqual([]);
      client.disconnect();
    },
    story,
  );
});
