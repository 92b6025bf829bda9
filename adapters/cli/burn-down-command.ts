import { readFileSync, writeFileSync } from 'node:fs';
import type { Bus, Stage } from '../../legacy/index.js';
import type { Application } from './application.js';
import { CommandFailed } from './command-failed.js';
import type { Output } from './output.js';
import { stageNames } from './stage-names.js';

/** What is left of the old bus, as a file keeps it. */
interface Inventory {
  /** How many subscribed listeners have this name. */
  readonly listeners: Readonly<Record<string, number>>;
  readonly pairs: Readonly<Record<string, Stage>>;
}

/** `handover burn-down`: how many pairs stood at which stage after each day with a move. */
export async function showBurnDown({ bus }: Application, output: Output): Promise<void> {
  const moves = (await Promise.all(bus.pairs.map((pair) => pair.history()))).flat();
  const stageOf = new Map<string, Stage>(bus.pairs.map((pair) => [pair.name, pair.declared]));
  const sorted = moves.toSorted((a, b) => (a.timestamp?.getTime() ?? 0) - (b.timestamp?.getTime() ?? 0));
  const days = new Map<string, Readonly<Record<Stage, number>>>();
  for (const move of sorted) {
    stageOf.set(move.data.pair, move.data.to);
    days.set(move.timestamp?.toISOString().slice(0, 10) ?? '', countsOf(stageOf));
  }
  if (days.size === 0) days.set(new Date().toISOString().slice(0, 10), countsOf(stageOf));
  const unpaired = bus.listeners.length - new Set(bus.pairs.map((pair) => pair.settings.listener)).size;
  output.show(
    { days: Object.fromEntries(days), unpairedListeners: Math.max(0, unpaired) },
    ['Day', ...stageNames],
    Array.from(days, ([date, counts]) => [date, ...stageNames.map((stage) => String(counts[stage]))]),
  );
  output.say(`\n${Math.max(0, unpaired)} listeners are in no pair.`);
}

/** `handover burn-down --write`: keeps what is left, for `--check` to compare with. */
export function writeInventory({ bus }: Application, file: string, output: Output): void {
  writeFileSync(file, `${JSON.stringify(inventoryOf(bus), undefined, 2)}\n`);
  output.say(`Wrote ${file}.`);
}

/**
 * `handover burn-down --check`: nothing of the old bus may come back.
 *
 * @returns Whether there is no new listener, and no pair behind where it was without a reason in its ledger.
 */
export async function checkInventory({ bus }: Application, file: string, output: Output): Promise<boolean> {
  const before = readInventory(file);
  const now = inventoryOf(bus);
  const problems = [...newListeners(before, now), ...(await wentBack(bus, before, now))];
  for (const problem of problems) output.say(problem);
  if (problems.length === 0) output.say('No new listener, and no pair went back without a reason.');
  return problems.length === 0;
}

function inventoryOf(bus: Bus): Inventory {
  const listeners: Record<string, number> = {};
  for (const listener of bus.listeners) {
    const name = nameOf(listener);
    listeners[name] = (listeners[name] ?? 0) + 1;
  }
  return { listeners, pairs: Object.fromEntries(bus.pairs.map(({ name, stage }) => [name, stage])) };
}

function readInventory(file: string): Inventory {
  try {
    const { listeners, pairs } = JSON.parse(readFileSync(file, 'utf8')) as Inventory;
    return { listeners: { ...listeners }, pairs: { ...pairs } };
  } catch {
    throw new CommandFailed(
      `${file} cannot be read.`,
      `Make it with \`handover burn-down --write ${file}\`.`,
    );
  }
}

function newListeners(before: Inventory, now: Inventory): readonly string[] {
  return Object.entries(now.listeners).flatMap(([name, count]) => {
    const known = before.listeners[name] ?? 0;
    return count > known ? [`A new legacy listener: ${name} (${known} before, ${count} now).`] : [];
  });
}

async function wentBack(bus: Bus, before: Inventory, now: Inventory): Promise<readonly string[]> {
  const behind = Object.entries(before.pairs).filter(([name, stage]) => {
    const current = now.pairs[name];
    return current !== undefined && stageNames.indexOf(current) < stageNames.indexOf(stage);
  });
  const told = await Promise.all(
    behind.map(async ([name, stage]) => {
      const last = (await bus.pairs.find((pair) => pair.name === name)?.history())?.at(-1);
      const isExplained = last !== undefined && last.data.why !== 'not said';
      return isExplained
        ? []
        : [`The pair "${name}" went back from ${stage} to ${now.pairs[name]}, and nobody said why.`];
    }),
  );
  return told.flat();
}

function countsOf(stageOf: ReadonlyMap<string, Stage>): Readonly<Record<Stage, number>> {
  const counts = { legacy: 0, record: 0, shadow: 0, live: 0, handler: 0, retired: 0 };
  for (const stage of stageOf.values()) counts[stage] += 1;
  return counts;
}

function nameOf(listener: object): string {
  if (typeof listener === 'function') return listener.name || 'anonymous';
  return listener.constructor?.name ?? 'Object';
}
