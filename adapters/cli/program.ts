import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { HandoverError } from '../../src/index.js';
import type { MoveOptions } from '../../legacy/index.js';
import { loadConfigured, readyApplication, type Application, type Configured } from './application.js';
import { checkInventory, showBurnDown, writeInventory } from './burn-down-command.js';
import { demote, promote } from './move-commands.js';
import { jsonOutput, tableOutput, type Output } from './output.js';
import { showParity } from './parity-command.js';
import { stageNames } from './stage-names.js';
import { showStages } from './stages-command.js';

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

interface Common {
  readonly config?: string;
  readonly json?: true;
}

/** Runs one command line. @returns The exit code: 0 fine, 1 the answer is no, 2 it could not be answered. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0;
  const answer = (isYes: boolean) => {
    code = isYes ? 0 : 1;
  };
  try {
    await program(terminal, answer).parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    terminal.err(`${error instanceof HandoverError ? error.message : String(error)}\n`);
    return error instanceof HandoverError && error.code === 'promotion_refused' ? 1 : 2;
  }
}

function program({ out, err }: Terminal, answer: (isYes: boolean) => void): Command {
  const root = new Command('handover')
    .description('Moves an application from a legacy bus to handlers, one pair at a time.')
    .option('--config <file>', 'exports { bus, store, close } (default: handover.config.js, .mjs or .ts)')
    .configureOutput({ writeOut: out, writeErr: err })
    .showSuggestionAfterError()
    .exitOverride();

  const act = (command: Command, work: (application: Application, output: Output) => Promise<unknown>) =>
    withConfigured(command.optsWithGlobals<Common>(), out, async (configured, output) =>
      work(await readyApplication(configured), output),
    );

  root
    .command('stages')
    .description('shows where every pair stands')
    .option('--json', 'for programs')
    .action((_options, command: Command) => act(command, showStages));

  root
    .command('parity')
    .description('shows what came of comparing; exit code 1 when anything was no match')
    .argument('[pairs...]', 'default: all')
    .option('--json', 'for programs')
    .action((names: string[], _options, command: Command) =>
      act(command, async (application, output) => answer(await showParity(application, names, output))),
    );

  moving(
    root,
    'promote',
    'moves a pair one stage forward when its gate is open; exit code 1 when it is closed',
  )
    .option('--override', 'move although the gate is closed; needs --why')
    .action((name: string, options: MoveOptions, command: Command) =>
      act(command, (application, output) => promote(application, name, movesOf(options), output)),
    );

  moving(root, 'demote', 'moves a pair back, at once').action(
    (name: string, options: MoveOptions, command: Command) =>
      act(command, (application, output) => demote(application, name, movesOf(options), output)),
  );

  root
    .command('burn-down')
    .description('shows how many pairs stood at which stage, day by day')
    .option('--json', 'for programs')
    .option('--write <file>', 'keep which listeners and stages there are')
    .option('--check <file>', 'exit code 1 when a listener is new or a pair went back without a reason')
    .action((options: { write?: string; check?: string }, command: Command) =>
      act(command, async (application, output) => {
        if (options.write !== undefined) return writeInventory(application, options.write, output);
        if (options.check === undefined) return showBurnDown(application, output);
        return answer(await checkInventory(application, options.check, output));
      }),
    );

  root
    .command('migrate')
    .description("creates or upgrades the store's schema")
    .action((_options, command: Command) =>
      withConfigured(command.optsWithGlobals<Common>(), out, async ({ store }, output) => {
        await store.migrate();
        output.say('The schema is up to date.');
      }),
    );
  return root;
}

function moving(root: Command, name: 'promote' | 'demote', description: string): Command {
  const neighbour = name === 'promote' ? 'next' : 'previous';
  return root
    .command(name)
    .description(description)
    .argument('<pair>')
    .addOption(new Option('--to <stage>', `default: the ${neighbour} one`).choices(stageNames))
    .option('--percent <number>', 'of the streams whose events the handler performs in live', percentFrom)
    .option('--who <name>', 'kept in the ledger (default: the user)')
    .option('--why <text>', 'kept in the ledger');
}

function movesOf({ to, percent, who, why, override }: MoveOptions): MoveOptions {
  return { to, percent, who, why, override };
}

function percentFrom(text: string): number {
  const percent = Number(text);
  if (text.trim() !== '' && percent >= 0 && percent <= 100) return percent;
  throw new InvalidArgumentError('Expected a number from 0 to 100.');
}

async function withConfigured(
  { config, json }: Common,
  write: (text: string) => void,
  work: (configured: Configured, output: Output) => Promise<unknown>,
): Promise<void> {
  const configured = await loadConfigured(config);
  try {
    await work(configured, json === true ? jsonOutput(write) : tableOutput(write));
  } finally {
    await configured.store.close();
    await configured.close?.();
  }
}
