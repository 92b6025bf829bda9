import { Command, InvalidArgumentError, Option } from 'commander';
import { startPostgres } from '../../adapters/embedded-postgres/index.js';
import { redisServer, startRedis } from '../support/redis-server.js';
import { chaos } from './chaos.js';

/** The long form of the crash suite: `npm run chaos -- --minutes 5 --seed 42`. */
interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly publishers: number;
  readonly workers: number;
  readonly scheduler: 'none' | 'redis';
}

const { minutes, seed, publishers, workers, scheduler } = new Command('npm run chaos --')
  .description(
    'Publishes and handles events in processes that are killed at random, and looks for what is lost.',
  )
  .option('--minutes <n>', 'how long faults strike', aboveZero, 1)
  .option(
    '--seed <s>',
    'the same faults in the same order as another run',
    wholeNumber,
    Date.now() % 1_000_000,
  )
  .option('--publishers <n>', 'processes that publish', wholeNumber, 2)
  .option('--workers <n>', 'processes that handle', wholeNumber, 3)
  .addOption(
    new Option('--scheduler <name>', 'what spreads the deliveries')
      .choices(['none', 'redis'])
      .default('none'),
  )
  .addHelpText('after', '\nExit code: 0 when all rules hold, 1 when one is broken.')
  .parse()
  .opts<Options>();

const say = (line: string) => void process.stdout.write(`${line}\n`);

say(
  `seed ${seed}, ${minutes} minutes, ${publishers} publishers, ${workers} workers, scheduler: ${scheduler}`,
);
if (scheduler === 'redis' && redisServer() === undefined) {
  say('There is no redis-server on the PATH. → Install one, or leave `--scheduler` out.');
  process.exit(2);
}
const server = await startPostgres({ settings: { max_connections: '300' } });
const redis = scheduler === 'redis' ? await startRedis() : undefined;
try {
  const { tally, violations } = await chaos({
    server,
    redis,
    longestOutage: 30_000,
    seed,
    publishers,
    workers,
    milliseconds: minutes * 60_000,
    mostFaults: Infinity,
    say,
  });
  say(`\nseed ${seed}`);
  for (const [name, count] of tally.all) say(`${String(count).padStart(9)}  ${name}`);
  for (const violation of violations) say(`\nVIOLATION: ${violation}`);
  say(violations.length === 0 ? '\nAll rules hold.' : `\n${violations.length} rules are broken.`);
  process.exitCode = violations.length === 0 ? 0 : 1;
} finally {
  await redis?.[Symbol.asyncDispose]();
  await server.stop();
}

function aboveZero(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a whole number.');
}
