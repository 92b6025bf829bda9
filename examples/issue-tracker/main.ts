import { parseArgs } from 'node:util';
import { type CutOverOutcome, runCutOver, webhooksToReceive } from './cut-over/run-cut-over.js';
import { type Databases, databasesOn, embeddedDatabases } from './databases.js';
import { printInput } from './report/input-section.js';
import { printHowToLook, printKept } from './report/look-further.js';
import { printOutcome } from './report/print-outcome.js';
import { type Progress, runTitles, showProgress } from './report/progress.js';
import { type Outcome, runExample } from './run-example.js';
import { type Scheduling, inProcess, schedulingOn } from './scheduling.js';
import { recordedWebhooks } from './webhooks.js';

const help = `Runs one issue tracker: on the old in-memory bus, connected to the store, and with pairs of old and new.

  npm start                starts an embedded PostgreSQL, runs, compares, and prints what happened
  npm start -- --keep      keeps the databases up until Ctrl-C and shows how to query them
  npm start -- --help      this text

  DATABASE_URL=postgres://…  uses your server: throw-away databases, removed at the end
  REDIS_URL=redis://…        runs the queued handlers through BullMQ on your Redis: throw-away keys

Exit code: 0 when all runs agree, 1 when anything differs or fails, 2 for a wrong flag.
`;

interface Flags {
  readonly keep: boolean;
  readonly help: boolean;
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  const flags = readFlags(args);
  if (typeof flags === 'string') {
    process.stderr.write(`${flags}\n  → npm start -- --help\n`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(help);
    return 0;
  }
  try {
    return await run(flags);
  } catch (error) {
    process.stderr.write(`\nThe example failed: ${explain(error)}\n`);
    return 1;
  }
}

function readFlags(args: string[]): Flags | string {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ args, options: { keep: flag, help: { ...flag, short: 'h' } } }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function run({ keep }: Flags): Promise<number> {
  const output = process.stdout;
  const webhooks = recordedWebhooks();
  output.write(
    '\nAn issue tracker: on the old in-memory bus, connected to the store, and on its way to new handlers\n\n',
  );
  printInput(output, webhooks);

  const interrupted = whenInterrupted();
  const scheduling = await openScheduling();
  const databases = await openDatabases();
  const progress = showProgress(output);
  const ending = new AbortController();
  try {
    output.write(`Runs\n  on ${databases.description}\n  queued handlers ${scheduling.description}\n`);
    const running = runAll({ databases, scheduling, progress, signal: ending.signal });
    const outcomes = await Promise.race([running, interrupted]);
    if (outcomes === 'interrupted') {
      ending.abort();
      await databases.remove();
      await running.catch(() => undefined);
      return 130;
    }
    const [outcome, cutOver] = outcomes;
    output.write('\n');
    printOutcome(output, outcome, cutOver);
    if (keep) {
      printKept(output, databases, outcome.store.busiest.stream);
      await stayingAlive(interrupted);
    } else printHowToLook(output);
    return outcome.problems.length + cutOver.problems.length === 0 ? 0 : 1;
  } finally {
    progress.finish();
    await databases.remove();
    await scheduling.remove();
  }
}

interface Setting {
  readonly databases: Databases;
  readonly scheduling: Scheduling;
  readonly progress: Progress;
  /** Ends what runs in other processes. */
  readonly signal: AbortSignal;
}

async function runAll({ databases, scheduling, progress, signal }: Setting) {
  const report = (name: keyof typeof runTitles, text: string) => {
    progress.finish();
    process.stdout.write(`  ${runTitles[name].padEnd(24)} ${text}\n`);
  };
  const total = recordedWebhooks().length;
  const outcome: Outcome = await runExample({
    databases,
    scheduler: scheduling.scheduler,
    onReceived: (name) => progress.step(name, total),
    onRun: (name, { received, seconds }) => report(name, `${received} payloads in ${seconds.toFixed(1)} s`),
  });
  const cutOver: CutOverOutcome = await runCutOver({
    databases,
    queue: scheduling.queue,
    onReceived: () => progress.step('pairs', webhooksToReceive),
    signal,
  });
  report(
    'pairs',
    `${webhooksToReceive} payloads in ${cutOver.seconds.toFixed(1)} s, and on the old bus beside`,
  );
  return [outcome, cutOver] as const;
}

function openScheduling(): Promise<Scheduling> {
  const url = process.env['REDIS_URL'];
  return url === undefined || url === '' ? Promise.resolve(inProcess) : schedulingOn(url);
}

function openDatabases(): Promise<Databases> {
  const url = process.env['DATABASE_URL'];
  return url === undefined || url === '' ? embeddedDatabases() : databasesOn(url);
}

/** Lets the example clean up first. A second Ctrl-C ends it at once. */
function whenInterrupted(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'));
  });
}

async function stayingAlive(until: Promise<unknown>): Promise<void> {
  const alive = setInterval(() => undefined, 60_000);
  await until;
  clearInterval(alive);
}

function explain(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(explain).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
